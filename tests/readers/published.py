"""Experiments published by embedded servers of their own, and their objects in local folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import rowmill
from rowmill.destinations.lake.object_names import table_folder
from rowmill.destinations.s3.bucket import Bucket
from rowmill.local.connections import find_connections
from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded
from rowmill.worker.destinations import open_destinations


@contextmanager
def servers() -> Iterator[Home]:
    """Embedded servers under a temporary home, gone with their data when the block ends."""
    # Whoever finds the home by the environment, such as `rowmill.load`, finds this one.
    home = Home(Path(tempfile.mkdtemp(prefix="rowmill-readers-")))
    os.environ["ROWMILL_HOME"] = str(home.path)
    try:
        embedded.up(home)
        yield home
    finally:
        with suppress(embedded.EmbeddedServerError):
            embedded.down(home)
        shutil.rmtree(home.path, ignore_errors=True)


def publish(experiment: rowmill.Experiment, home: Home, target: Path) -> None:
    """Run an experiment and fetch what it wrote, as `target/TABLE/*.parquet`.

    The folders are named as in the bucket: a table's name, percent-encoded.
    """
    experiment.run()
    destinations = open_destinations(experiment.spec, find_connections(experiment.spec, {}, home))
    try:
        assert destinations.lake is not None
        assert experiment.spec.parquet is not None
        for table in experiment.tables:
            _fetch(destinations.lake.bucket, experiment.spec.parquet.prefix, table, target)
    finally:
        destinations.close()


def folder_of(table: str) -> str:
    """The name of a table's folder below a target."""
    return table_folder("", table).rstrip("/")


def _fetch(bucket: Bucket, prefix: str, table: str, target: Path) -> None:
    folder = target / folder_of(table)
    folder.mkdir(parents=True)
    for listed in list(bucket.list(table_folder(prefix, table))):
        stored = bucket.read(listed.key)
        assert stored is not None, listed.key
        (folder / listed.key.rpartition("/")[2]).write_bytes(stored.body)
