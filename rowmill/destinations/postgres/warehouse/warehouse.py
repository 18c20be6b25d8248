"""The warehouse: what prepare, finalize, publish, reset and delete do to the tables in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.model import Additions, When
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.additions.putting_on import say
from rowmill.destinations.postgres.additions.settings import read_settings
from rowmill.destinations.postgres.additions.staged import Lack, find_lack, read_present
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.run_rows import kept_source
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.dependants import find_dependants
from rowmill.destinations.postgres.tables.name_claims import (
    NamesTaken,
    adopt_tables,
    claimants,
    give_back,
    hand_back,
    lock_names,
    names_before,
    names_held,
    take_names,
)
from rowmill.destinations.postgres.tables.ownership import (
    OwnTable,
    occupants,
    own_tables,
    refuse_owners,
    strayed_tables,
)
from rowmill.destinations.postgres.tables.staging import (
    drop_staging,
    index_bytes,
    stage,
    staging_schema,
)
from rowmill.destinations.postgres.tables.tables_in_use import take_from_readers
from rowmill.destinations.postgres.tables.target_rights import refuse_unfit_target
from rowmill.destinations.postgres.warehouse.finalize import Finalize
from rowmill.destinations.postgres.warehouse.outgoing import find_hanging, outgoing
from rowmill.destinations.postgres.warehouse.publish import drop_tables, publish
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, PostgresTarget, Table


class Warehouse:
    """The tables of one experiment in Postgres: staged, finished, published, removed.

    The session, which others may share, is for one thread at a time. Every method may be called
    again after a crash at any point in it, and may raise DestinationRefused or
    DestinationUnavailable.

    Args:
        made_from: what a run made, by the source that the ledger keeps with it; None if it cannot
            be told. What a run did not make on the published tables is the users'.
    """

    def __init__(
        self,
        session: PostgresSession,
        target: PostgresTarget,
        owner: str,
        made_from: Callable[[dict[str, Any]], Made | None] = lambda source: None,
    ) -> None:
        self._session = session
        self._target = target
        self._owner = owner
        self._made_from = made_from
        self._made: dict[str, Made | None] = {}

    def check_target(self, dataset: Dataset, adopt: str | None = None) -> NamesTaken:
        """Refuse now what would refuse at publish; claim the target; take over `adopt`'s tables.

        Returns:
            What `give_back` needs, should another destination refuse the run.

        Raises:
            DestinationRefused: TargetInUse with the line that takes over, TableExists, NameTaken,
                DependantsInTheWay, PermissionDenied with the GRANTs to run, EncodingUnfit.
        """
        names = [table.name for table in dataset.tables]
        ledger, schema = self._target.ledger_schema, self._target.schema
        # Filled over all tries: the answer to the COMMIT of the one that claimed may be lost.
        taken = NamesTaken()

        def check(cursor: Cursor) -> None:
            refuse_unfit_target(cursor, self._session.address, schema)
            lock_names(cursor, schema)
            others = claimants(cursor, ledger, self._owner, schema, names)
            refuse_owners({key: table for key, table in others.items() if key != adopt})
            tables = outgoing(cursor, self._target, self._owner, dataset, adopt=adopt)
            find_hanging(cursor, self._target, dataset, tables, self._made_by, trial=True)
            before = names_before(cursor, ledger, self._owner, schema, names)
            if adopt is not None:
                found = occupants(cursor, ledger, self._owner, schema, names)
                taken.adopted |= adopt_tables(cursor, ledger, self._owner, found, adopt)
            take_names(cursor, ledger, self._owner, schema, names)
            taken.before |= before

        self._session.transaction(check)
        return taken

    def give_back(self, taken: NamesTaken) -> None:
        """Undo a claim of `check_target`: every name is again whose it was."""
        ledger, schema = self._target.ledger_schema, self._target.schema

        def undo(cursor: Cursor) -> None:
            lock_names(cursor, schema)
            give_back(cursor, ledger, self._owner, schema, taken)

        self._session.transaction(undo)

    def release(self) -> None:
        """Give adopted tables back to the owners of whose runs they are."""
        ledger = self._target.ledger_schema
        self._session.transaction(lambda cursor: hand_back(cursor, ledger, self._owner))

    def holds_names(self) -> bool:
        """Whether the ledger has any name for this experiment."""

        def find(cursor: Cursor) -> bool:
            query = sql.SQL("SELECT FROM {}.tables WHERE owner = %s LIMIT 1").format(
                quoted(self._target.ledger_schema)
            )
            return cursor.execute(query, (self._owner,)).fetchone() is not None

        return self._session.transaction(find)

    def hold(self, dataset: Dataset, adopt: str | None = None) -> None:
        """See that the names are still claimed for a live run, and claim them again if not.

        A ledger that was restored, or that somebody cleared, may have lost them. Raises as
        `check_target`.
        """
        names = [table.name for table in dataset.tables]
        ledger, schema = self._target.ledger_schema, self._target.schema
        if not self._session.transaction(
            lambda cursor: names_held(cursor, ledger, self._owner, schema, names)
        ):
            self.check_target(dataset, adopt)

    def stage(self, run: Run, dataset: Dataset) -> None:
        """Make the run's own schema and tables, without keys, if they are missing.

        They get the options of the published tables now, so that the load heeds them.
        """

        def furnish(cursor: Cursor, made: Sequence[Table]) -> None:
            columns = {table.name: {"", *table.by_name} for table in made}
            published = own_tables(cursor, self._target.ledger_schema, self._owner)
            oids = [table.oid for table in published if table.name in columns]
            say(
                cursor,
                staging_schema(run.id),
                [
                    each
                    for each in read_settings(cursor, oids)
                    if each.when is When.BOTH and each.bearer in columns[each.table]
                ],
            )

        stage(self._session, self._target.ledger_schema, run, dataset, furnish)

    def finalize(
        self,
        run: Run,
        dataset: Dataset,
        connections: int,
        report: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        """Add keys, indexes and references, ANALYZE, and count.

        The constraints are those of the target, and what users put on the published tables. Steps
        that were done before are skipped.

        Args:
            run: FINALIZING.
            dataset: what it loaded.
            connections: over so many at most, this session's among them.
            report: told what is about to be done, by any thread.
            look: called now and then; what it raises ends the steps, and cancels what runs.

        Raises:
            Fenced: the run is not FINALIZING, before or after a step.
            DestinationRefused: RowsDiffer, if a table does not hold the rows of the plan;
                UserConstraint, if the rows do not bear what users added.
        """
        additions, lack = self._session.transaction(partial(self._lack, run, dataset))
        steps = Finalize(self._session, self._target.ledger_schema, run, connections)
        steps.do(Made(dataset, self._target.constraints), additions, lack, report, look)

    def index_bytes(self, run: Run) -> int:
        """The bytes of the keys and indexes on the run's staged tables."""
        return self._session.transaction(partial(index_bytes, schema=staging_schema(run.id)))

    def _made_by(self, cursor: Cursor, run_id: str) -> Made | None:
        """What a run made. Kept, for a publish must not read manifests while readers wait."""
        if run_id not in self._made:
            source = kept_source(cursor, self._target.ledger_schema, run_id)
            self._made[run_id] = None if source is None else self._made_from(source)
        return self._made[run_id]

    def _lack(self, run: Run, dataset: Dataset, cursor: Cursor) -> tuple[Additions, Lack]:
        """What users put on the published tables, and what of it the staged ones lack."""
        tables = outgoing(cursor, self._target, self._owner, dataset)
        hanging = find_hanging(cursor, self._target, dataset, tables, self._made_by, trial=False)
        present = read_present(cursor, staging_schema(run.id))
        new = Made(dataset, self._target.constraints)
        return hanging.additions, find_lack(present, hanging.additions.builds, new)

    def publish(self, run: Run, dataset: Dataset) -> None:
        """Let readers see the run instead of the one before, and set it PUBLISHING, at once.

        Raises:
            LateAdditions: the published tables have what the staged ones lack: finalize again.
        """
        publish(self._session, self._target, run, dataset, self._made_by)

    def published(self, run: Run) -> bool:
        """Whether all of the run's tables are there, of the OIDs that it published."""

        def count(cursor: Cursor) -> bool:
            row = cursor.execute(
                sql.SQL(
                    "SELECT count(*) FROM {}.tables t JOIN pg_class c ON c.oid = table_oid "
                    "JOIN pg_namespace n ON n.oid = relnamespace "
                    "WHERE owner = %s AND run = %s AND nspname = schema_name "
                    "AND relname = table_name AND obj_description(c.oid, 'pg_class') = owner"
                ).format(quoted(self._target.ledger_schema)),
                (self._owner, run.id),
            ).fetchone()
            return row == (len(run.plan.tables),)

        return self._session.transaction(count)

    def data_owner(self) -> str | None:
        """The owner key of the published tables in the target schema, if all are one owner's."""

        def find(cursor: Cursor) -> list[tuple[str]]:
            return cursor.execute(
                sql.SQL(
                    "SELECT DISTINCT owner FROM {}.tables t JOIN pg_class c ON c.oid = table_oid "
                    "JOIN pg_namespace n ON n.oid = relnamespace "
                    "WHERE nspname = %s AND nspname = schema_name AND relname = table_name "
                    "AND obj_description(c.oid, 'pg_class') = owner"
                ).format(quoted(self._target.ledger_schema)),
                (self._target.schema,),
            ).fetchall()

        owners = self._session.transaction(find)
        return owners[0][0] if len(owners) == 1 else None

    def drop_staging(self, run_id: str) -> None:
        """Drop the run's own schema with all that is in it, if it is there."""
        drop_staging(self._session, run_id)

    @property
    def place(self) -> str:
        """The database and the ledger's schema in it, for the reader."""
        return f"{self._session.address.describe()} (ledger {self._target.ledger_schema!r})"

    def strayed_tables(self) -> list[OwnTable]:
        """Published tables that `remove_tables` leaves: renamed, moved, or of another comment."""
        return self._session.transaction(
            lambda cursor: strayed_tables(cursor, self._target.ledger_schema, self._owner)
        )

    def remove_tables(self) -> list[OwnTable]:
        """Drop the experiment's published tables, and a schema that Rowmill made if it is empty.

        Returns:
            The dropped tables.

        Raises:
            DestinationRefused: DependantsInTheWay, if anything, be it a plain view, hangs on them.
        """

        dropped: dict[int, OwnTable] = {}

        def remove(cursor: Cursor) -> None:
            tables = own_tables(cursor, self._target.ledger_schema, self._owner)
            found = find_dependants(cursor, [table.oid for table in tables])
            names = sorted({*map(str, found.views), *found.obstacles})
            if names:
                raise DestinationRefused(
                    "DependantsInTheWay",
                    f"the tables cannot be dropped while these hang on them: {', '.join(names)}. "
                    "Drop them first",
                )
            drop_tables(cursor, tables)
            cursor.execute(
                sql.SQL("DELETE FROM {}.tables WHERE owner = %s").format(
                    quoted(self._target.ledger_schema)
                ),
                (self._owner,),
            )
            for schema in {self._target.schema, *(table.schema for table in tables)}:
                _drop_own_schema(cursor, schema, self._owner)
            # Beside those of a try before: the answer to its COMMIT may have been lost.
            dropped.update((table.oid, table) for table in tables)

        def published(cursor: Cursor) -> list[int]:
            tables = own_tables(cursor, self._target.ledger_schema, self._owner)
            return [table.oid for table in tables]

        take_from_readers(self._session, remove, published, "run the same command again")
        return list(dropped.values())


def _drop_own_schema(cursor: Cursor, schema: str, owner: str) -> None:
    row = cursor.execute(
        "SELECT obj_description(n.oid, 'pg_namespace') = %s "
        "AND NOT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass "
        "AND refobjid = n.oid) AND nspacl IS NULL "
        "FROM pg_namespace n WHERE nspname = %s",
        (owner, schema),
    ).fetchone()
    if row == (True,):
        cursor.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))
