"""The plugin, run by kubectl itself, against a run on a real cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import yaml

from rowmill.spec.cluster_names import MANAGED_BY, experiment_selector
from tests.e2e.cluster import binaries
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import POSTGRES_SECRET, Installation

MISSING = "no-such-experiment"


def test_kubectl_finds_the_plugin_and_it_tells_of_a_cluster_without_experiments(
    cluster: Cluster, namespace: str
) -> None:
    reported = _plugin(cluster, "status", MISSING, "-n", namespace, "-o", "json", code=None)
    error = json.loads(reported.stdout)["error"]
    assert (reported.returncode, error["reason"]) in ((2, "ExperimentUnknown"), (3, "CrdMissing"))


def test_it_acts_as_whom_the_kubeconfig_or_a_flag_says(
    cluster: Cluster, node: Node, namespace: str, tmp_path: Path
) -> None:
    """The administrator has all rights, bob has none, and bob's team may look."""
    config = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"]["as"] = "bob"
    as_bob = tmp_path / "kubeconfig"
    as_bob.write_text(yaml.safe_dump(config), encoding="utf-8")
    asked = ("status", "-n", namespace, "-o", "json")
    for options in (("--kubeconfig", str(as_bob)), ("--as", "bob")):
        reported = json.loads(_plugin(cluster, *asked, *options, code=3).stdout)["error"]
        assert reported["reason"] == "Forbidden"
        assert 'User "bob" cannot list resource "experiments"' in reported["message"]
    rule = {"apiGroups": ["rowmill.dev"], "resources": ["experiments"], "verbs": ["list"]}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"}
    team = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "team b"}
    common = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "look"}}
    cluster.apply(
        common | {"kind": "Role", "rules": [rule]},
        common | {"kind": "RoleBinding", "roleRef": reference, "subjects": [team]},
        namespace=namespace,
    )
    more = ("--as-group", "team b", "--as-group", "others", "--as-uid", "4711")
    known = ("--kubeconfig", str(as_bob), *more, "--as-user-extra", "acme.com/why=ä trial")
    reported = json.loads(_plugin(cluster, *asked, *known, code=None).stdout)
    assert reported == [] or reported["error"]["reason"] == "CrdMissing"
    (seen,) = (
        request["impersonatedUser"]
        for request in node.requests()
        if (request.get("objectRef") or {}).get("namespace") == namespace
        and request.get("impersonatedUser", {}).get("uid")
    )
    assert (seen["username"], seen["uid"]) == ("bob", "4711")
    assert {"team b", "others"} <= set(seen["groups"])
    assert seen["extra"] == {"acme.com/why": ["ä trial"]}


def test_a_run_is_followed_to_its_end(installed: Installation, home: str) -> None:
    run = Applied.of(installed, home, wide(300_000))
    reported = _of(run, "status", "-w")
    lines = [line for line in reported.splitlines() if line.startswith("run 1 ")]
    assert "run 1 COMPLETED: 300,000 of 300,000 rows durable (100 %)" in lines[-1]
    assert len(lines) > 1
    assert f"{home}/{run.name}, run 1: COMPLETED" in reported
    document = json.loads(_of(run, "status", "-o", "json"))
    assert (document["state"], document["rows"]) == ("COMPLETED", 300_000)
    (table,) = document["tables"]
    assert table["rows"] == table["rowsTotal"] == 300_000
    (only,) = json.loads(_of(run, "runs", "-o", "json"))
    assert (only["number"], only["state"], only["id"]) == (1, "COMPLETED", document["id"])
    logs = _of(run, "logs")
    assert re.search(r"^\[shard 0\] .", logs, re.MULTILINE)
    assert re.search(r"^\[finalize\] .", logs, re.MULTILINE)
    events = (
        event["reason"]
        for event in run.cluster.find_all("events", home)
        if event["involvedObject"]["kind"] == "Experiment"
    )
    assert sorted(events) == ["Complete", "Finalizing", "Running", "Starting"], "each once"
    everything = json.loads(_plugin(run.cluster, "status", "-n", home, "-o", "json").stdout)
    assert [each["name"] for each in everything] == [run.name]


def test_a_run_is_aborted_suspended_resumed_and_run_again(
    installed: Installation, home: str
) -> None:
    """It waits for a Secret, and so for as long as the test needs."""
    spec = wide(50_000, retriesPerShard=0, destinations={"postgres": {"secretName": "later"}})
    run = Applied.of(installed, home, spec)
    run.stalled("SecretMissing")
    job = f"{run.name}-run-1"
    run.cluster.kubectl("label", "job", job, f"{MANAGED_BY}-", "-n", home)
    wait_for(lambda: run.children("jobs") or None, 180, "the Job to have its label again")
    run.cluster.kubectl(
        "delete", "pods", "-l", experiment_selector(run.name), "--wait=false", "-n", home
    )
    assert "shard 0: given up" in run.reach("Failed")["run"]["message"]
    _of(run, "resume")
    run.stalled("SecretMissing")
    assert json.loads(_of(run, "status", "-o", "json"))["reason"] == "SecretMissing"
    _of(run, "abort")
    assert "Aborted" in _of(run, "status", "-w", code=5)
    _of(run, "resume")
    run.stalled("SecretMissing")
    _of(run, "suspend")
    run.reach("Suspended")
    data = run.cluster.get("secret", POSTGRES_SECRET, home)["data"]
    metadata = {"name": "later"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    run.cluster.apply(secret, namespace=home)
    _of(run, "resume")
    wait_for(lambda: run.status()["phase"] != "Suspended", 180, "the run to be taken up")
    _of(run, "status", "-w")
    assert run.run()["number"] == 1
    # By the words of the docs, with kubectl alone: the run before is not taken for the next.
    run.annotate(rerun="two")
    wait = ("wait", f"exp/{run.name}", "-n", home, "--timeout=180s")
    run.cluster.kubectl(*wait, "--for=jsonpath={.status.rerun}=two")
    run.cluster.kubectl(*wait, "--for=condition=Complete")
    assert run.run()["number"] == 2
    _of(run, "rerun", "--wait", "--timeout", "5m")
    listed = json.loads(_of(run, "runs", "-o", "json"))
    assert [(each["number"], each["state"]) for each in listed] == [
        (1, "COMPLETED"),
        (2, "COMPLETED"),
        (3, "COMPLETED"),
    ]
    assert run.rows("events") == 50_000
    verified = json.loads(_of(run, "verify", "-o", "json"))
    assert (verified["run"], verified["identical"], verified["rows"]) == (3, True, 50_000)
    run.cluster.kubectl(*wait, "--for=condition=Verified")
    assert "removed 1 table (50,000 rows)" in _of(run, "reset", "--yes")
    assert json.loads(_of(run, "status", "-o", "json"))["state"] == "RESET"


def _of(run: Applied, command: str, *options: str, code: int | None = 0) -> str:
    return _plugin(run.cluster, command, run.name, *options, "-n", run.namespace, code=code).stdout


def _plugin(
    cluster: Cluster, *arguments: str, code: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run `kubectl rowmill`; `code` is what it must leave with, None for any."""
    kubectl = binaries.kubectl()
    reported = subprocess.run(
        [str(kubectl), "rowmill", *arguments],
        env={
            **cluster.environment(),
            # kubectl looks for its plugins there.
            "PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert code in (None, reported.returncode), f"{reported.stdout}\n{reported.stderr}"
    return reported
