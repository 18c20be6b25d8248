"""Each cell of the plugin, and Python's of a cluster, called as the table has it.

An API server answers, and meets each wish at once, as an operator would in time.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rowmill
from tests.parity.abilities import ABILITIES
from tests.parity.calling import evaluated
from tests.parity.cells import calls
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
# A part of what the plugin prints, which it prints of nothing else.
SAYS = {
    "list the experiments": " shop          1  COMPLETED    40  100  40",
    "how far a run is, table by table": "team/shop, run 1: COMPLETED\n table ",
    "watch it to its end, and end as it does": "run 1 COMPLETED: 40 of 100 rows durable",
    "the same as JSON, for programs": '"batchesDone": 2',
    "the runs that one has had": " shop          1  COMPLETED  40 of 100  2026-01-01 00:00  1m00s",
    "the runs of all": " shop          1  COMPLETED  40 of 100  2026-01-01 00:00  1m00s",
    "what a run said": "[shard 0] a line\n",
    "what it says, to its end": "[shard 0] a line\n",
    "what an earlier run said": "[shard 0] a line\n",
    "what one shard said": "a line\n",
    "another cluster's, or another namespace's": "no experiments yet",
    "an error, as a program reads it": '"reason": "ExperimentUnknown"',
    "end a run": "run 1 of shop is being aborted",
    "stop a run that is to go on later": "run 1 of shop is being suspended",
    "go on with a stopped run": "run 1 of shop is being resumed",
    "and wait for its end, but not for ever": "run 1 COMPLETED: 40 of 100",
    "also if that drops what is unfinished": "the next run of shop starts",
    "make the next run, though nothing has changed": "the next run of shop starts",
    "and wait for the next run's end": "run 2 COMPLETED: 40 of 100",
    "remove the data, and keep the records": "shop: removed 1 table. Its records stay",
    "make all rows again, and compare": "Identical: all 100 rows, in every destination",
    "which release this is": f"rowmill {rowmill.__version__}",
}
# What Python gets, and what shows that it is that.
GIVES: dict[str, Callable[[Any], object]] = {
    "begin it by the manifest's text, on either engine": lambda run: run is None,
    "try that out, and begin nothing": lambda run: run is None,
    "only if nobody has changed it since one looked": lambda run: run is None,
    "list the experiments": lambda page: [one.name for one in page.items] == ["shop"],
    "find some of them, page by page": lambda page: [one.name for one in page.items] == ["shop"],
    "the manifest that one has, and its version": lambda found: found.etag == "41",
    "how far a run is, table by table": lambda now: now.tables[0].rows == 40,
    "how far an earlier run came": lambda now: now.run.number == 1,
    "watch it to its end, and end as it does": lambda seen: seen[-1].run.state == "COMPLETED",
    "the same as JSON, for programs": lambda document: document["tables"][0]["rows"] == 40,
    "the runs that one has had": lambda runs: [run.number for run in runs] == [1],
    "the runs of all": lambda runs: [run.number for run in runs] == [1],
    "the words to type for one of these": lambda said: said == "kubectl rowmill resume shop",
    "the time by which runs are timed": lambda now: now.tzinfo is not None,
    "what a run said": lambda lines: [line.text for line in lines] == ["a line"],
    "what it says, to its end": lambda lines: [line.text for line in lines] == ["a line"],
    "what an earlier run said": lambda lines: [line.text for line in lines] == ["a line"],
    "what one shard said": lambda lines: [line.source for line in lines] == ["shard 0"],
    "another cluster's, or another namespace's": lambda page: page.items == (),
    "end a run": lambda run: run.number == 1,
    "stop a run that is to go on later": lambda run: run.number == 1,
    "go on with a stopped run": lambda run: run.number == 1,
    "also if that drops what is unfinished": lambda run: run.number is None,
    "make the next run, though nothing has changed": lambda run: run.number is None,
    "remove the data, and keep the records": lambda run: run.state == "RESET",
    "remove data and records": lambda said: said.endswith("its data goes with it"),
    "forget it, and keep the data": lambda said: said.endswith("its data and its ledger stay"),
    "make all rows again, and compare": lambda found: found.identical,
}
# What the API server is asked to change; all else only looks.
WRITES = {
    "begin it by the manifest's text, on either engine": {"PATCH spec.tables"},
    "try that out, and begin nothing": {"PATCH spec.tables"},
    "only if nobody has changed it since one looked": {"PATCH spec.tables"},
    "end a run": {"PATCH rowmill.dev/abort"},
    "stop a run that is to go on later": {"PATCH spec.suspend"},
    "go on with a stopped run": {"PATCH rowmill.dev/resume"},
    "and wait for its end, but not for ever": {"PATCH rowmill.dev/resume"},
    "also if that drops what is unfinished": {"PATCH rowmill.dev/rerun"},
    "make the next run, though nothing has changed": {"PATCH rowmill.dev/rerun"},
    "and wait for the next run's end": {"PATCH rowmill.dev/rerun"},
    "remove the data, and keep the records": {"PATCH rowmill.dev/reset"},
    "make all rows again, and compare": {"PATCH rowmill.dev/verify"},
    "remove data and records": {"PATCH spec.deletionPolicy", "DELETE"},
    "forget it, and keep the data": {"PATCH spec.deletionPolicy", "DELETE"},
}
_SHOP = EXPERIMENTS.format("team") + "/shop"
_PODS = "/api/v1/namespaces/team/pods"


class Operated(Server):
    """Serves one Experiment, and tells in its status that what was asked for is done."""

    def heed(self, asked: Asked) -> None:
        if asked.method == "GET" and "/log?" in asked.path:
            stamp = b"2026-01-01T00:00:00.5Z " if "timestamps=true" in asked.path else b""
            log = {("GET", f"{_PODS}/p/log"): (200, stamp + b"a line\n")}
            self.answers = {**self.answers, **log}
        if asked.method != "PATCH":
            return
        shop = self.answers["GET", _SHOP][1]
        annotations = asked.body.get("metadata", {}).get("annotations", {})
        shop["metadata"]["annotations"] |= annotations
        status = shop["status"]
        for name, value in annotations.items():
            match name.rpartition("/")[2]:
                case "verify":
                    answer = {"request": value, "run": 1, "identical": True, "rows": 100}
                    status["verification"] = answer
                case "reset":
                    status["phase"] = "Reset"
                    status["run"] |= {"reset": {"request": value}, "message": "removed 1 table"}
                case "rerun":
                    status["run"] |= {"number": 2, "rerun": value}
                case "resume":
                    status["phase"] = "Complete"


@dataclass(frozen=True)
class Place:
    """A cluster's server, and the kubeconfig that leads there."""

    kubeconfig: str
    server: Server


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Iterator[Place]:
    """A cluster where `shop` is as the ability wants it."""
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
        **{(method, _SHOP): (200, shop) for method in ("GET", "PATCH", "DELETE")},
    }
    with serving(answers, kind=Operated) as server:
        yield Place(kubeconfig(tmp_path, server.url), server)


def _written(server: Server) -> set[str]:
    """Each request that changes something, by what it names; not what stands beside that."""
    beside = {"rowmill.dev/abort: None", "spec.suspend: False"}
    found = set()
    for asked in server.asked:
        if asked.method == "DELETE":
            found.add("DELETE")
        elif asked.method == "PATCH":
            annotations = asked.body.get("metadata", {}).get("annotations", {})
            named = {f"{name}: {value}" for name, value in annotations.items()}
            named |= {f"spec.{name}: {value}" for name, value in asked.body.get("spec", {}).items()}
            found |= {f"PATCH {one.partition(': ')[0]}" for one in named - beside}
    return found - {"PATCH spec.destinations"}


@pytest.mark.parametrize(("config", "name"), _pairs(PLUGIN), ids=PLUGIN, indirect=["config"])
def test_the_plugin_does_it(config: Place, name: str) -> None:
    call = PLUGIN[name]
    kubectl, plugin, *words = shlex.split(call.text)
    assert (kubectl, plugin) == ("kubectl", "rowmill")
    done = run(None, *words, KUBECONFIG=config.kubeconfig)
    assert done.exit_code == (2 if call.fails else 0), done.output
    assert SAYS[name] in done.stdout
    assert _written(config.server) == WRITES.get(name, set())


@pytest.mark.parametrize(("config", "name"), _pairs(PYTHON), ids=PYTHON, indirect=["config"])
def test_python_does_it_on_a_cluster(config: Place, name: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", config.kubeconfig)
    call, engine = PYTHON[name], rowmill.cluster_engine()
    if call.fails:
        with pytest.raises(rowmill.RowmillError, match="there is no Experiment 'nobody'"):
            evaluated(call, engine=engine)
    else:
        assert GIVES[name](evaluated(call, engine=engine, manifest=MANIFEST))
    assert _written(config.server) == WRITES.get(name, set())
