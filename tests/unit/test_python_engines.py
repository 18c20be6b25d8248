"""An engine in Python: it says what it does, and refuses at once what it does not take."""

from __future__ import annotations

import inspect
import pydoc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rowmill
from rowmill.cluster.engine import ClusterEngine
from rowmill.engine.interface import Engine
from rowmill.local.engine import LocalEngine

ASKED = [name for name, value in vars(Engine).items() if inspect.isfunction(value)]
METHODS = [name for name in ASKED if not name.startswith("_")]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path / "home"))
    return rowmill.local_engine()


@pytest.mark.parametrize("name", METHODS)
def test_help_of_an_engine_has_all_that_the_interface_promises(engine: Engine, name: str) -> None:
    promised = inspect.getdoc(getattr(Engine, name))
    assert promised
    assert (inspect.getdoc(getattr(engine, name)) or "").startswith(promised)
    for kind in (LocalEngine, ClusterEngine):
        assert inspect.getdoc(getattr(kind, name))


def test_help_has_signatures_and_what_this_engine_adds(engine: Engine) -> None:
    shown = pydoc.plain(pydoc.render_doc(engine))
    assert "delete(self, name: 'str', *, purge: 'bool') -> 'str'" in shown
    assert "Remove the experiment's records, and with `purge` its data." in shown
    assert "Of this engine: without `purge` this machine alone forgets the experiment." in shown


# Of an engine as one calls it who does not check types.
Untyped = Callable[[Any], object]


def _with_a_number(method: str) -> Untyped:
    return lambda engine: getattr(engine, method)(5)


def _request(**given: Any) -> Untyped:
    return lambda engine: engine.apply(rowmill.ApplyRequest(**{"manifest": "", **given}))


_SEED: Any = "1"
_SEEDED = rowmill.Overrides(seed=_SEED)
CALLS: list[tuple[Untyped, str]] = [
    *(
        (_with_a_number(method), "name is of type int: give a str")
        for method in METHODS
        if method not in ("now", "apply", "list", "delete", "command")
    ),
    (lambda engine: engine.status(None), "name is of type NoneType: give a str"),
    (lambda engine: engine.status(Path("shop")), "name is of type PosixPath: give a str"),
    (lambda engine: engine.status("shop", "1"), "run='1': give a whole number"),
    (lambda engine: engine.logs("shop", run=True), "run=True: give a whole number"),
    (lambda engine: engine.logs("shop", shard=1.5), "shard=1.5: give a whole number"),
    (lambda engine: engine.logs("shop", follow="no"), "follow='no': give True or False"),
    (lambda engine: engine.delete("shop", purge="no"), "purge='no': give True or False"),
    (lambda engine: engine.verify("shop", threads=0), "threads=0: give a whole number from 1 to"),
    (lambda engine: engine.verify("shop", on_progress=5), "on_progress=5: give a function of one"),
    (lambda engine: engine.list(search=5), "search is of type int: give a str"),
    (lambda engine: engine.list(state="running"), "state='running': give a rowmill.State, such as"),
    (lambda engine: engine.list(limit="9"), "limit='9': give a whole number"),
    (lambda engine: engine.apply("kind: x"), "request is of type str: give a rowmill.ApplyRequest"),
    (_request(manifest=Path("m.yaml")), "manifest is of type PosixPath: give its text, not its"),
    (_request(overrides={"seed": 1}), "overrides is of type dict: give a rowmill.Overrides"),
    (_request(overrides=_SEEDED), "seed='1': give a whole number"),
    (_request(secrets=["lake.env"]), "secrets is of type list: give a dict"),
    (_request(mode="restrat"), "mode='restrat': give one of"),
    (_request(workers=0), "workers=0: give a whole number from 1 to 1,024"),
    (_request(batch_rows=7), "batch_rows=7: give a whole number from 1,000 to 100,000"),
    (_request(adopt=5), "adopt is of type int: give a str"),
]


@pytest.mark.parametrize(("call", "told"), CALLS)
def test_a_parameter_of_the_wrong_kind_is_refused_by_name(
    engine: Engine, call: Untyped, told: str
) -> None:
    with pytest.raises(rowmill.InvalidArgument) as found:
        call(engine)
    assert str(found.value).startswith(told)


def test_what_is_left_out_or_meant_is_taken(engine: Engine) -> None:
    assert engine.runs(None) == []
    untyped: Any = engine
    assert untyped.list(state="RUNNING", limit=np.int64(3)).items == ()
    with pytest.raises(rowmill.NotFound):
        engine.status("shop", run=None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"namespace": 5}, "namespace is of type int: give a str"),
        ({"context": Path("kind")}, "context is of type PosixPath: give a str"),
        ({"kubeconfig": 5}, "kubeconfig is of type int: give a str or a Path"),
    ],
)
def test_a_cluster_is_named_by_texts(given: dict[str, object], told: str) -> None:
    open_engine: Callable[..., object] = rowmill.cluster_engine
    with pytest.raises(rowmill.InvalidArgument) as found:
        open_engine(**given)
    assert str(found.value) == told


def _told(call: Callable[[], object]) -> str:
    with pytest.raises(rowmill.RowmillError) as told:
        call()
    return str(told.value)


def test_what_is_wrong_with_a_clusters_options_is_told_by_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    empty = tmp_path / "empty"
    empty.write_text("apiVersion: v1\nkind: Config\n")
    none = _told(rowmill.cluster_engine)
    assert "kubeconfig=FILE" in none
    assert "with context=NAME" in none
    for said in (
        none,
        _told(lambda: rowmill.cluster_engine(kubeconfig=tmp_path / "nowhere")),
        _told(lambda: rowmill.cluster_engine(kubeconfig=empty)),
        _told(lambda: rowmill.cluster_engine(kubeconfig=empty, context="kind")),
    ):
        assert not re.search(r"(?<!\w)--?[a-z]", said), said
