"""The warehouse of both engines: read through an experiment's destinations and credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import ReportWait, unreported
from rowmill.destinations.postgres.read.query import querying
from rowmill.engine.printed_columns import QueryResult
from rowmill.engine.tracing import Trace
from rowmill.errors import Invalid, NotFound
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
from rowmill.worker.destinations import Connections, one_machine, open_destinations
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
            with open_published(self.spec, self.connect(), self.reload, self.wait) as opened:
                known = _table(opened.dataset, table)
                return trace(opened, known, key, Recomputed(opened.make_generator))
        except NothingPublished as error:
            raise NothingPublished(f"{self.spec.name}: {error}") from None

    @contextmanager
    def query(self, sql: str) -> Iterator[QueryResult]:
        """As of `Warehouse`; the experiment's schema is first on the search path."""
        target = self.spec.postgres
        if target is None:
            raise Invalid("Usage", f"{self.spec.name} has no Postgres destination to query")
        connections = self.connect()
        reader = connections.reader
        assert reader is not None, "whoever has Postgres has one who reads it"
        try:
            with querying(
                reader(),
                sql,
                schema=target.schema,
                patience=one_machine(self.wait),
                notice=self.notice,
            ) as result:
                yield result
        except QueryRefused as error:
            why = why_nothing_is_there(self.spec, connections) if error.missing else None
            if why is None:
                raise
            [said, *_] = str(error).splitlines()
            raise NothingPublished(f"{self.spec.name}: {why} ({said})") from None

    def manifest(self, run: int) -> str:
        patience = one_machine(self.wait)
        opened = open_destinations(self.spec, self.connect(), patience=patience)
        with closing(opened) as destinations:
            found = [one for one in experiment_runs(destinations) if one.number == run]
        source = source_of(found[0]) if found else None
        if source is None:
            raise NotFound("RunUnknown", f"{self.spec.name} has no record of a run {run}")
        return source.manifest


def _table(dataset: Dataset, name: str) -> Table:
    try:
        return dataset.table(name)
    except KeyError as error:
        raise Invalid("Usage", error.args[0]) from None
