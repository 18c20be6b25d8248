"""The warehouse of both engines: read through an experiment's destinations and credentials."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import ReportWait, unreported
from rowmill.destinations.postgres.read.csv_text import copying
from rowmill.destinations.postgres.read.query import querying
from rowmill.destinations.postgres.read.reader import Asked
from rowmill.destinations.postgres.reading_names import Reading
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.printed_columns import QueryResult
from rowmill.engine.query_bounds import UNBOUNDED, QueryBounds
from rowmill.engine.saved_queries import SavedQuery, check_room, check_saved
from rowmill.engine.tracing import Trace
from rowmill.errors import Invalid, NotFound, Unsupported
from rowmill.plan.run_source import source_of
from rowmill.spec.dataset import Dataset, Spec, Table
from rowmill.verify.pairing import key_columns
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.trace import trace
from rowmill.warehouse.published import (
    NothingPublished,
    Reload,
    open_published,
    why_nothing_is_there,
)
from rowmill.worker.destinations import (
    Connections,
    Destinations,
    one_machine,
    open_destinations,
)
from rowmill.worker.reading import experiment_runs


@dataclass(frozen=True)
class DestinationsWarehouse:
    """The `Warehouse` of an experiment whose destinations can be reached from here.

    `connect` finds out how; `reload` reads the manifest with other overrides, as `open_published`
    asks; `notice` is told in a sentence what the user should know, `wait` which server is waited
    for.
    """

    spec: Spec
    connect: Callable[[], Connections]
    reload: Reload | None = None
    notice: Callable[[str], None] = lambda text: None
    wait: ReportWait = unreported

    def keys(self) -> Mapping[str, Sequence[str]]:
        return {table.name: key_columns(table) for table in self.spec.dataset.tables}

    def trace(self, table: str, key: Sequence[str]) -> Trace:
        _table(self.spec.dataset, table)
        try:
            with open_published(
                self.spec, self.connect(), self.reload, self.wait, reading=Reading.TRACE
            ) as opened:
                known = _table(opened.dataset, table)
                return trace(opened, known, key, Recomputed(opened.make_generator))
        except NothingPublished as error:
            raise NothingPublished(f"{self.spec.name}: {error}") from None

    @contextmanager
    def query(
        self,
        sql: str,
        *,
        bounds: QueryBounds = UNBOUNDED,
        cancellation: Cancellation | None = None,
    ) -> Iterator[QueryResult]:
        """As of `Warehouse`; the experiment's schema is first on the search path."""
        with self._asking(cancellation) as asked, querying(asked, sql, bounds) as result:
            yield result

    def csv(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Generator[bytes, None, None]:
        """As of `Warehouse`; the experiment's schema is first on the search path."""
        with self._asking(cancellation) as asked:
            yield from copying(asked, sql, seconds)

    def saved_queries(self) -> Sequence[SavedQuery]:
        with self._destinations() as destinations:
            if not destinations.ledger.found():
                return []
            return destinations.ledger.queries.of(destinations.owner)

    def save_query(self, name: str, sql: str) -> SavedQuery:
        check_saved(name, sql)
        with self._destinations() as destinations:
            ledger, owner = destinations.ledger, destinations.owner
            saved = None
            if ledger.found():
                for sentence in ledger.ensure():
                    self.notice(sentence)
                check_room(name, ledger.queries.of(owner))
                saved = ledger.queries.save(owner, name, sql)
        if saved is None:
            raise NotFound(
                "NoRun", f"{self.spec.name} has no run yet: queries are kept with an experiment's"
            )
        return saved

    def forget_query(self, name: str) -> None:
        with self._destinations() as destinations:
            ledger = destinations.ledger
            if not ledger.found() or not ledger.queries.forget(destinations.owner, name):
                raise NotFound("QueryUnknown", f"{self.spec.name} has no saved query {name!r}")

    def manifest(self, run: int) -> str:
        with self._destinations() as destinations:
            found = [one for one in experiment_runs(destinations) if one.number == run]
        source = source_of(found[0]) if found else None
        if source is None:
            raise NotFound("RunUnknown", f"{self.spec.name} has no record of a run {run}")
        return source.manifest

    @contextmanager
    def _destinations(self) -> Iterator[Destinations]:
        patience = one_machine(self.wait)
        with closing(open_destinations(self.spec, self.connect(), patience=patience)) as opened:
            yield opened

    @contextmanager
    def _asking(self, cancellation: Cancellation | None) -> Iterator[Asked]:
        """How Postgres is asked; what is not there may not be published yet, which is then said."""
        target = self.spec.postgres
        if target is None:
            raise Unsupported(
                "NoPostgres", f"{self.spec.name} has no Postgres destination to query"
            )
        cancellation = cancellation or Cancellation()
        connections = self.connect()
        reader = connections.reader
        assert reader is not None, "whoever has Postgres has one who reads it"
        patience = one_machine(self.wait, sleep=cancellation.sleep)
        try:
            yield Asked(reader(), target.schema, patience, self.notice, cancellation)
        except QueryRefused as error:
            why = why_nothing_is_there(self.spec, connections) if error.missing else None
            if why is None:
                raise
            [said, *_] = str(error).splitlines()
            raise NothingPublished(f"{self.spec.name}: {why} ({said})") from None


def _table(dataset: Dataset, name: str) -> Table:
    try:
        return dataset.table(name)
    except KeyError as error:
        raise Invalid("Usage", error.args[0]) from None
