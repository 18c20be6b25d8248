"""Experiments whose manifest says `suspend: true`, by the engine of one machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import rowmill
from rowmill import ApplyRequest, State
from rowmill.engine.request import ABSENT
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import Home
from tests.integration.experiments import manifest


def numbers(rows: int) -> dict[str, object]:
    columns = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}]
    return {"name": "numbers", "rows": rows, "primaryKey": ["id"], "columns": columns}


def of(name: str, rows: int, **spec: Any) -> str:
    return yaml.safe_dump(manifest(name, tables=[numbers(rows)], parquet=None, **spec))


def test_it_is_known_and_waits_until_its_run_is_asked_for(servers: object, name: str) -> None:
    engine = rowmill.local_engine()
    asked = ApplyRequest(of(name, 10, suspend=True))
    assert engine.apply(asked) is None
    found = engine.get(name)
    assert (found.suspended, found.newest.run.state, found.manifest) == (
        True, State.PENDING, asked.manifest
    )  # fmt: skip
    with pytest.raises(rowmill.NotFound):
        engine.status(name)
    assert engine.resume(name).number == 1
    *_, last = engine.watch(name)
    assert (last.run.state, last.run.rows) == (State.COMPLETED, 10)
    assert not engine.get(name).suspended
    with pytest.raises(rowmill.Conflict, match="nothing to resume"):
        engine.resume(name)
    engine.delete(name, purge=True)


def test_another_manifest_waits_beside_the_published_run(servers: object, name: str) -> None:
    engine = rowmill.local_engine()
    assert engine.apply(ApplyRequest(of(name, 10))) is not None
    list(engine.watch(name))
    assert engine.apply(ApplyRequest(of(name, 20, suspend=True))) is None
    found = engine.get(name)
    assert (found.suspended, found.newest.run.state, found.newest.run.rows) == (
        True, State.COMPLETED, 10
    )  # fmt: skip
    assert engine.resume(name).number == 2
    *_, last = engine.watch(name)
    assert (last.run.state, last.run.rows) == (State.COMPLETED, 20)
    engine.delete(name, purge=True)


def test_of_fewer_rows_it_waits_for_consent(servers: object, name: str) -> None:
    engine = rowmill.local_engine()
    engine.apply(ApplyRequest(of(name, 10)))
    list(engine.watch(name))
    request = ApplyRequest(of(name, 5, suspend=True))
    engine.apply(request)
    with pytest.raises(rowmill.Conflict, match="would replace"):
        engine.resume(name)
    assert engine.rerun(name, restart=True).number == 2
    *_, last = engine.watch(name)
    assert last.run.rows == 5
    assert engine.apply(replace(request, manifest=of(name, 5))) is None
    engine.delete(name, purge=True)


def test_it_is_told_with_the_servers_down(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    engine = LocalEngine(home)
    assert engine.apply(ApplyRequest(of(name, 10, suspend=True))) is None
    found = engine.get(name)
    assert (found.newest.run.state, found.newest.run.reason) == (State.UNKNOWN, "ServersDown")
    assert [found] == list(engine.list().items)
    assert not home.servers_file.exists()


def test_of_those_who_change_it_at_once_by_one_etag_one_does(name: str, tmp_path: Path) -> None:
    engine = LocalEngine(Home(tmp_path / "home"))
    assert engine.apply(ApplyRequest(of(name, 1, suspend=True)), if_match=ABSENT) is None
    etag = engine.get(name).etag

    def change(rows: int) -> bool:
        try:
            engine.apply(ApplyRequest(of(name, rows, suspend=True)), if_match=etag)
        except rowmill.Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(2, 10))) == 1
