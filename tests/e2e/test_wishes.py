"""Runs reset and verified as annotations ask, on a real cluster: twice, restored, meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import Installation
from tests.e2e.operator_calls import operator_calls
from tests.e2e.operators import operators_at_work

ROWS = 20_000
ONCE = ("1", "1-finalize", "1-reset")


def test_published_data_is_verified_and_a_verify_makes_way_for_the_next_publish(
    cluster: Cluster, node: Node, installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(ROWS, verify="AfterRun")
    found = Applied.of(installed, home, spec)
    found.complete()
    wait = ("wait", f"experiment/{found.name}", "--namespace", home)
    cluster.kubectl(*wait, "--for=condition=Verified", "--timeout=120s")
    told = found.status()["verification"]
    assert (told["request"], told["identical"], told["rows"]) == ("1", True, ROWS)
    assert told["checksum"] in found.condition("Verified")["message"]
    with installed.postgres() as connection:
        connection.execute(f"DELETE FROM \"{found.name}\".events WHERE ctid = '(0,1)'")
    found.annotate(verify="1.1")
    assert _verified(found, "1.1") == ("False", "Differs")
    assert "events in postgres" in found.status()["verification"]["where"]

    verify, finalize = (f"{found.name}-run-{task}" for task in ("1-verify", "2-finalize"))
    with installed.postgres() as connection, connection.transaction():
        # For so long it reads no row, and does not end by itself.
        connection.execute(f'LOCK TABLE "{found.name}".events IN ACCESS EXCLUSIVE MODE')
        found.annotate(verify="1.2")
        wait_for(lambda: _at_work(found, verify), 180, "the verify to be at work")
        found.apply(spec | {"seed": 99})
        jobs = (f"{found.name}-run-2", finalize)
        wait_for(lambda: set(jobs) <= _jobs(found), 180, "the next run to be finalized")
    status = found.complete()
    assert status["run"]["number"] == 2
    assert _verified(found, "2") == ("True", "Identical")
    calls = [(one.verb, one.name) for one in operator_calls(node, home) if one.resource == "jobs"]
    ended, made = calls.index(("delete", verify)), calls.index(("create", finalize))
    last = max(at for at, call in enumerate(calls) if call == ("delete", verify))
    assert ended <= last < made, "what is read cannot be dropped"
    assert calls.count(("create", verify)) == 3
    assert found.verify(spec | {"seed": 99}, tmp_path)["identical"] is True


def test_a_reset_is_done_once_whatever_is_down_repeated_or_restored(
    cluster: Cluster, node: Node, installed: Installation, home: str
) -> None:
    spec = wide(ROWS)
    found = Applied.of(installed, home, spec)
    wait_for(lambda: found.run().get("number"), 180, "run 1")
    with operators_at_work(cluster, 0):
        # In mid-run: it is done once the run has ended.
        found.annotate(reset="1")
    status = found.reach("Reset")
    assert status["run"]["reset"]["rows"] == ROWS
    assert status["history"][0]["phase"] == "Reset"
    assert _is_gone(found)
    cluster.kubectl("delete", "jobs", "--all", "--namespace", home)
    found.annotate(reset="1", resume="please")
    wait_for(lambda: not found.children("jobs"), 180, "the end of its Jobs")
    made = {task: _made(node, home, f"{found.name}-run-{task}") for task in ONCE}
    assert made == dict.fromkeys(ONCE, 1)

    # As from a backup: another object, with what was asked of the one before.
    found.delete()
    manifest = found.manifest(spec)
    manifest["metadata"]["annotations"] = {"rowmill.dev/reset": "1"}
    cluster.apply(manifest, namespace=home)
    found.complete()
    found.annotate(verify="1")
    assert _verified(found, "1") == ("True", "Identical")
    assert found.rows("events") == ROWS
    assert _made(node, home, f"{found.name}-run-1-reset") == 1


def _verified(found: Applied, request: str) -> tuple[str, str]:
    """What the condition says once the request was met."""

    def met() -> bool:
        return bool(found.status().get("verification", {}).get("request") == request)

    wait_for(met, 180, f"the verify {request} of {found.name}")
    condition = found.condition("Verified")
    return condition["status"], condition["reason"]


def _at_work(found: Applied, job: str) -> list[dict[str, Any]]:
    pods = found.pods(running=True)
    return [pod for pod in pods if pod["metadata"]["name"].startswith(job)]


def _jobs(found: Applied) -> set[str]:
    return {job["metadata"]["name"] for job in found.children("jobs")}


def _is_gone(found: Applied) -> bool:
    objects = [key for key in found.objects() if key.endswith(".parquet")]
    return found.oid("events") is None and not objects


def _made(node: Node, namespace: str, job: str) -> int:
    made = ("create", "jobs", job, 201)
    calls = operator_calls(node, namespace)
    return sum((one.verb, one.resource, one.name, one.code) == made for one in calls)
