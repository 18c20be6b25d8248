"""A published experiment to damage: its tables in both destinations, and how to mend them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from rowmill.destinations.s3.bucket import Bucket
from rowmill.engine.request import Mode, RunRequest
from rowmill.engine.verification import Comparison, Verification
from rowmill.local.connections import find_connections
from rowmill.local.home.folder import Home
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run.running import run
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.spec.load import Overrides, load_spec
from rowmill.warehouse.verifying import verify_published
from rowmill.worker.destinations import Connections, open_destinations
from tests.postgres_login import connect


class PublishedData:
    """One experiment, run and published."""

    def __init__(
        self, manifest: str, home: Home, scale: str | None = None, rerun: str | None = None
    ) -> None:
        """Run it with overrides, which are kept with the run."""
        self.manifest = manifest
        overrides = Overrides(scale=scale, rerun=rerun)
        self.spec: Spec = load_spec("test manifest", text=manifest, overrides=overrides)
        self.connections: Connections = find_connections(self.spec, {}, home)
        source = RunSource(manifest, scale=scale, rerun=rerun)
        request = RunRequest(workers=1, batch_rows=1000, mode=Mode.RESTART)
        self.run: Run = run(self.spec, self.connections, source, request, RunHooks(), home=home).run

    @property
    def schema(self) -> str:
        assert self.spec.postgres is not None
        return self.spec.postgres.schema

    @property
    def prefix(self) -> str:
        assert self.spec.parquet is not None
        return self.spec.parquet.prefix

    def verify(self, **options: Any) -> Verification:
        return verify_published(self.spec, self.connections, **{"threads": 2, **options})

    def compare(self, destination: str, table: str, **options: Any) -> Comparison:
        """The comparison of one table in one destination."""
        report = self.verify(**options)
        (found,) = (each for each in report.tables if each.table == table)
        (comparison,) = (c for c in found.comparisons if c.destination == destination)
        return comparison

    @contextmanager
    def bucket(self) -> Iterator[Bucket]:
        destinations = open_destinations(self.spec, self.connections)
        assert destinations.lake is not None
        try:
            yield destinations.lake.bucket
        finally:
            destinations.close()

    @contextmanager
    def damaged(self, table: str, *statements: str) -> Iterator[None]:
        """Change a table in Postgres by statements in which {} is its name; mended afterwards."""
        name, kept = sql.Identifier(self.schema, table), sql.Identifier(self.schema, "undamaged")
        with self.sql() as connection:
            connection.execute(sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(kept, name))
            try:
                for statement in statements:
                    connection.execute(sql.SQL(statement.replace("{}", name.as_string())))
                yield
            finally:
                connection.execute(sql.SQL("TRUNCATE {}").format(name))
                connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(name, kept))
                connection.execute(sql.SQL("DROP TABLE {}").format(kept))

    @contextmanager
    def damaged_object(
        self, table: str, part: int, damage: Callable[[bytes], bytes | None]
    ) -> Iterator[str]:
        """Change or (None) remove a part's object; put back afterwards. Yields its address."""
        with self.bucket() as bucket:
            key = self.key(table, part)
            stored = bucket.read(key)
            assert stored is not None
            changed = damage(stored.body)
            try:
                if changed is None:
                    bucket.delete(key)
                else:
                    bucket.put(key, changed)
                yield bucket.url(key)
            finally:
                bucket.put(key, stored.body)

    def key(self, table: str, part: int) -> str:
        return f"{self.prefix}{table}/part-{part:05d}-{self.run.id}.parquet"

    @contextmanager
    def sql(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        assert self.connections.postgres is not None
        known = self.connections.postgres()
        with connect(known) as connection:
            yield connection
