"""A run that the disk of the embedded servers cannot hold is refused before it begins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import rowmill
from rowmill.destinations.errors import DestinationRefused
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import down, exports, running
from rowmill.local.servers.process import processes
from rowmill.plan.disk import heap, indexes
from tests.integration.experiments import PEOPLE, Connection, manifest, write

_MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home on a file system of 320 MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=320m,mode=755", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system, and not everywhere")
    home = Home(tmp_path / "home")
    monkeypatch.setenv("ROWMILL_HOME", str(home.path))
    try:
        yield home
    finally:
        down(home)
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_postgres_outlives_a_run_that_is_too_large_for_its_disk(
    name: str, small: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    people = {**PEOPLE, "rows": 5_000_000}
    folder = tmp_path_factory.mktemp("manifests")
    file = write(folder / "m.yaml", manifest(name, tables=[people]))
    with pytest.raises(DestinationRefused, match="it cannot fit; free some") as refusal:
        rowmill.load(file).run()
    assert refusal.value.reason == "DiskTooSmall"
    servers = running(small)
    assert servers is not None
    known = {key[2:].lower(): value for key, value in exports(servers).items() if key[:2] == "PG"}
    known["dbname"] = known.pop("database")
    with psycopg.connect(make_conninfo(**known)) as connection:
        begun = "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'rowmill_run|^t'"
        assert connection.execute(begun).fetchone() == (0,)
        # What fits is loaded, and takes what was told of it.
        fewer = rowmill.load(file, scale=0.02)
        fewer.run()
        rows = {"people": 100_000}
        [tables, keys] = connection.execute(
            "SELECT pg_table_size(c), pg_indexes_size(c) FROM to_regclass(%s) AS c",
            (f'"{name}".people',),
        ).fetchone() or (0, 0)
    told = heap(fewer.spec.dataset, rows)
    assert told.least < tables < told.likely * 1.25
    assert tables > told.likely * 0.75
    told = indexes(fewer.spec.dataset, "all")
    assert told.least < keys < told.likely * 1.25


def test_data_is_removed_and_servers_end_on_a_full_disk(
    name: str, small: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("manifests")
    files = [
        write(folder / f"{each}.yaml", manifest(each, tables=[PEOPLE]))
        for each in (name, f"{name}-2")
    ]
    for file in files:
        rowmill.load(file).run()
    # As a start that was killed leaves it.
    record = json.loads(small.servers_file.read_text())
    small.servers_file.write_text(json.dumps({**record, "ready": False}))
    filling = _fill(small)
    assert "1 table" in _said("reset", "-f", str(files[0]), "--yes")
    # Whoever has freed space can do so again.
    filling.unlink()
    _said("up")
    _fill(small)
    assert "1 table" in _said("delete", "-f", str(files[1]), "--yes")
    _fill(small)
    # SeaweedFS takes its whole patience to end on a full disk.
    for found in processes("weed", record["token"]):
        found.process.kill()
    assert _said("down") == "stopped\n"
    assert running(small) is None
    assert processes("postgres", record["token"]) == []


def _fill(home: Home) -> Path:
    """A file that takes all that is free."""
    filling = home.path / "filling"
    with filling.open("ab", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1 << 16)):
            pass
    assert shutil.disk_usage(home.path).free == 0
    return filling


def _said(*words: str) -> str:
    """What a command prints that succeeds."""
    command = [sys.executable, "-m", "rowmill", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_long_texts_count_as_long_as_they_are(
    name: str,
    tmp_path: Path,
    servers: object,
    database: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    letters = {"pattern": "[a-zA-Z0-9]{900}"}
    columns = [
        {"name": "v", "type": "text", "generate": letters},
        {
            "name": "list",
            "type": "text[]",
            "generate": {"array": {"of": letters, "min": 2, "max": 4}},
        },
    ]
    tables = [{"name": "inside", "rows": 250_000, "columns": columns[:1]}]
    tables.append({"name": "aside", "rows": 250_000, "columns": columns})
    file = write(tmp_path / "m.yaml", manifest(name, tables=tables))
    fewer = rowmill.load(file, scale=0.004)
    fewer.run()
    for table in ("inside", "aside"):
        size = "SELECT pg_table_size(%s::regclass)"
        [taken] = database.execute(size, (f'"{name}".{table}',)).fetchone() or (0,)
        told = heap(fewer.spec.dataset, {"inside": 0, "aside": 0, table: 1_000})
        assert told.least < taken < told.likely * 1.25
        assert taken < told.least * 2
        assert taken > told.likely * 0.75
    free = SimpleNamespace(free=1000 * _MIB)
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    with pytest.raises(DestinationRefused, match="it cannot fit"):
        rowmill.load(file).run()


def test_a_run_that_is_refused_began_nothing(
    name: str,
    tmp_path: Path,
    servers: object,
    database: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = SimpleNamespace(free=_MIB // 16)
    monkeypatch.setattr("shutil.disk_usage", lambda path: full)
    file = write(tmp_path / "m.yaml", manifest(name, tables=[PEOPLE]))
    with pytest.raises(DestinationRefused, match=r"this run takes about .* it cannot fit"):
        rowmill.load(file).run()
    left = "SELECT owner FROM rowmill.{} WHERE right(owner, length(%s)) = %s"
    for table in ("experiments", "runs", "tables"):
        assert database.execute(left.format(table), (name, name)).fetchall() == []
