"""Each cell of the plugin, and Python's of a cluster, called as the table has it.

An API server answers, and meets each wish at once, as an operator would in time.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rowmill
from tests.parity.abilities import ABILITIES
from tests.parity.calling import evaluated
from tests.parity.cells import Call, calls
from tests.unit.cluster.fake_cluster import experiment
from tests.unit.kubectl.api_server import EXPERIMENTS, Asked, Server, kubeconfig, run, serving

PLUGIN = calls(ABILITIES, "plugin")
PYTHON = {
    name: call
    for name, call in calls(ABILITIES, "python").items()
    if ("engine" in call.text) and call.only != "one machine"
}
# What the Experiment is at before it; else complete.
PHASES = {
    "end a run": "Running",
    "stop a run that is to go on later": "Running",
    "go on with a stopped run": "Failed",
    "also if that drops what is unfinished": "Failed",
    "and wait for its end, but not for ever": "Failed",
}
MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: people, rows: 9, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {}}
"""
_SHOP = EXPERIMENTS.format("team") + "/shop"
_PODS = "/api/v1/namespaces/team/pods"


class Operated(Server):
    """Serves one Experiment, and tells in its status that what was asked for is done."""

    def heed(self, asked: Asked) -> None:
        if asked.method != "PATCH":
            return
        shop = self.answers["GET", _SHOP][1]
        annotations = asked.body.get("metadata", {}).get("annotations", {})
        shop["metadata"]["annotations"] |= annotations
        status = shop["status"]
        for name, value in annotations.items():
            match name.rpartition("/")[2]:
                case "verify":
                    status["verification"] = {"request": value, "run": 1, "identical": True}
                case "reset":
                    status["run"]["reset"] = {"request": value, "tables": 1, "rows": 100}
                case "rerun":
                    status["run"] |= {"number": 2, "rerun": value}
                case "resume":
                    status["phase"] = "Complete"


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Iterator[str]:
    """The kubeconfig of a cluster where `shop` is as the ability wants it."""
    monkeypatch.setattr("rowmill.cluster.engine.WATCH_SECONDS", 0.01)
    monkeypatch.setattr("rowmill.cluster.logs._SECONDS", 0.01)
    shop = experiment(PHASES.get(request.param, "Complete"))
    labels = {"rowmill.dev/task": "shard", "batch.kubernetes.io/job-completion-index": "0"}
    since = {"name": "p", "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}
    missing = {"message": "not found", "details": {"name": "nobody"}}
    answers = {
        ("GET", EXPERIMENTS.format("team")): (200, {"items": [shop]}),
        ("GET", EXPERIMENTS.format("trial")): (200, {"items": []}),
        ("GET", EXPERIMENTS.format("team") + "/nobody"): (404, missing),
        ("GET", _PODS): (200, {"items": [{"metadata": since, "status": {"phase": "Succeeded"}}]}),
        ("GET", f"{_PODS}/p/log"): (200, b"a line\n"),
        **{(method, _SHOP): (200, shop) for method in ("GET", "PATCH", "DELETE")},
    }
    with serving(answers, kind=Operated) as server:
        yield kubeconfig(tmp_path, server.url)


@pytest.mark.parametrize(("config", "call"), PLUGIN.items(), ids=PLUGIN, indirect=["config"])
def test_the_plugin_does_it(config: str, call: Call) -> None:
    kubectl, plugin, *words = shlex.split(call.text)
    assert (kubectl, plugin) == ("kubectl", "rowmill")
    done = run(None, *words, KUBECONFIG=config)
    assert (done.exit_code, bool(done.stdout)) == (2 if call.fails else 0, True), done.output
    if call.fails:
        assert json.loads(done.stdout)["error"]["reason"] == "ExperimentUnknown"


@pytest.mark.parametrize(("config", "call"), PYTHON.items(), ids=PYTHON, indirect=["config"])
def test_python_does_it_on_a_cluster(config: str, call: Call, monkeypatch: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", config)
    engine = rowmill.cluster_engine()
    if call.fails:
        with pytest.raises(rowmill.RowmillError, match="there is no Experiment 'nobody'"):
            evaluated(call, engine=engine)
    else:
        evaluated(call, engine=engine, manifest=MANIFEST)
