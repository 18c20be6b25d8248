"""What the tests of the Postgres destination share: small datasets, runs, and rows for them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pyarrow as pa
import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.destinations.postgres.copy.loader import PostgresLoader
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
from rowmill.plan.layout import Batch, Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Column, Dataset, Link, PickUniform, PostgresTarget, Table
from rowmill.spec.kinds import Constant
from rowmill.spec.values.types import TypeName, parse_type

Connection = psycopg.Connection[tuple[object, ...]]

CONSTRAINTS = (
    "SELECT conrelid::regclass::text, contype::text, convalidated FROM pg_constraint c "
    "JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = 'shop' AND contype IN "
    "('p', 'u', 'f') ORDER BY 1, 2"
)
INDEXES = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'shop'"


def column(name: str, type_text: str, *, nullable: bool = False) -> Column:
    return Column(name, parse_type(type_text), Constant(""), 0.0, nullable, False)


def table(
    name: str,
    *,
    rows: int = 10,
    key: str = "id",
    extra: Sequence[str] = (),
    parent: str | None = None,
) -> Table:
    """A table of bigint columns: its key, `extra`, and `parent_id` if it has a parent."""
    names = [key, *extra, *(["parent_id"] if parent else [])]
    link = Link("parent_id", ("parent_id",), parent or "", (key,), PickUniform(), 0.0)
    return Table(
        name=name,
        rows=rows,
        columns=tuple(column(each, "bigint") for each in names),
        links=(link,) if parent else (),
        children=None,
        primary_key=(key,),
        unique=((key, *extra),) if extra else (),
        indexes=tuple((each,) for each in extra),
    )


def dataset(*tables: Table) -> Dataset:
    return Dataset(0, "en_US", 1, tables)


def target(schema: str = "shop", ledger: str = "rowmill", **changes: object) -> PostgresTarget:
    fields = {"constraints": "all", "replace": False, **changes}
    return PostgresTarget(
        schema=schema,
        ledger_schema=ledger,
        secret_name=None,
        ambient=False,
        constraints=str(fields["constraints"]),
        replace=bool(fields["replace"]),
    )


def plan(data: Dataset, batch_rows: int = 5) -> Plan:
    layouts = tuple(
        TableLayout(t.name, t.rows, 8, batch_rows, 2 * batch_rows, batch_rows) for t in data.tables
    )
    return Plan("sha256:0", 1, layouts, (sum(layout.parts for layout in layouts),))


# What each run made, which in the product the ledger's records say.
_MADE: dict[str, Made] = {}


class BrokenOff(Exception):
    """A finalize ends amid its steps, as if its process were killed."""


class Experiment:
    """One experiment on a database: what prepare, workers and finalize do, step by step."""

    def __init__(
        self,
        address: PostgresAddress,
        data: Dataset,
        where: PostgresTarget | None = None,
        owner: str = "engine/local/shop",
    ) -> None:
        self.address, self.data, self.owner = address, data, owner
        self.target = where or target()
        self.ledger = PostgresLedger(PostgresSession(address), self.target.ledger_schema)
        self.warehouse = Warehouse(
            PostgresSession(address), self.target, owner, lambda source: _MADE[source["run"]]
        )

    def start(self, *, adopt: str | None = None, batch_rows: int = 5) -> Run:
        """Prepare a new run."""
        self.ledger.ensure()
        uid = self.ledger.runs.uid(self.owner) or uuid.uuid4().hex
        self.ledger.runs.claim(self.owner, uid)
        number = len(self.ledger.runs.of(self.owner)) + 1
        run = Run(
            id=uuid.uuid4().hex[:12],
            owner=self.owner,
            uid=uid,
            number=number,
            state=RunState.RUNNING,
            plan=plan(self.data, batch_rows),
            started_at=datetime.now(UTC),
            finished_at=None,
            message="",
            summary={},
        )
        run = replace(run, summary={"source": {"run": run.id}})
        self.warehouse.check_target(self.data, adopt)
        run = self.ledger.runs.create(run)
        _MADE[run.id] = Made(self.data, self.target.constraints)
        self.warehouse.stage(run, self.data)
        return run

    def loader(self, run: Run, **options: float) -> PostgresLoader:
        return PostgresLoader(
            PostgresSession(self.address),
            run,
            self.target.ledger_schema,
            self.data.tables,
            **options,
        )

    def encoded(self, batch: Batch) -> list[bytes]:
        """Rows whose every cell is the row's number."""
        wanted = self.data.table(batch.table)
        numbers = pa.array(range(batch.start, batch.stop), pa.int64())
        names = [each.name for each in wanted.columns]
        cells = [
            numbers.cast(pa.string()) if each.type.name is TypeName.TEXT else numbers
            for each in wanted.columns
        ]
        record = pa.RecordBatch.from_arrays(cells, names)
        return CopyEncoder(wanted).encode([record])

    def load(self, run: Run) -> None:
        loader = self.loader(run)
        for batch in batches(run):
            loader.load(batch, self.encoded(batch))

    def complete(self, *, adopt: str | None = None) -> Run:
        """A whole run, published."""
        run = self.start(adopt=adopt)
        self.load(run)
        self.finalize(run)
        self.warehouse.publish(run, self.data)
        running = frozenset({RunState.PUBLISHING})
        assert self.ledger.runs.transition(run.id, running, RunState.COMPLETED)
        return run

    def finalize(self, run: Run, connections: int = 2) -> list[str]:
        """All steps, also of a run that is FINALIZING; returns what was told of them."""
        return self.finalize_until(run, None, connections)

    def finalize_until(self, run: Run, last: int | None, connections: int = 2) -> list[str]:
        """Finalize, and break off once `last` steps were told; returns these."""
        running = frozenset({RunState.RUNNING})
        self.ledger.runs.transition(run.id, running, RunState.FINALIZING)
        told: list[str] = []

        def report(label: str) -> None:
            if len(told) == last:
                raise BrokenOff
            told.append(label)

        with suppress(BrokenOff):
            self.warehouse.finalize(run, self.data, connections, report, lambda: None)
        return told


def batches(run: Run) -> list[Batch]:
    return [layout.batch(n) for layout in run.plan.tables for n in range(layout.batches)]


def two_tables(rows: int = 10) -> Dataset:
    return dataset(
        table("orders", rows=rows, extra=("total",)), table("lines", rows=rows, parent="orders")
    )


def all_rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


def refused(experiment: Experiment, adopt: str | None = None) -> DestinationRefused:
    """The refusal of a run that is to start."""
    with pytest.raises(DestinationRefused) as refusal:
        experiment.start(adopt=adopt)
    return refusal.value


def count(admin: Connection, name: str = "shop.orders") -> object:
    """The rows of a table."""
    return (admin.execute(f"SELECT count(*) FROM {name}").fetchone() or ("none",))[0]


def entries(admin: Connection) -> list[tuple[object, ...]]:
    """Who loads which table by the ledger, and the run that published it."""
    query = "SELECT table_name, owner, run FROM rowmill.tables ORDER BY 1"
    return admin.execute(query).fetchall()


def loaded(shop: Experiment) -> Run:
    """A run whose rows are all there."""
    run = shop.start()
    shop.load(run)
    return run


def star() -> Dataset:
    """Three tables that refer to one."""
    rays = [table(f"ray{n}", parent="hub", extra=("size",)) for n in range(3)]
    return dataset(table("hub", extra=("size",)), *rays)
