"""One schedule, from its namespace to its verdict."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.experiment import ChaosExperiment
from tests.chaos.readers import Reader, bucket_look, postgres_look
from tests.chaos.users import Users
from tests.chaos.verdict import Verdict
from tests.chaos_k8s.experiment import earlier, spec, write_experiment
from tests.chaos_k8s.fault_injector import OPERATORS, PASSING, FaultInjector
from tests.chaos_k8s.outcome import leftovers, untruths
from tests.chaos_k8s.schedule import Schedule
from tests.chaos_k8s.servers import Servers, rested, worn
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied
from tests.e2e.installation import (
    BUCKET,
    RELEASE,
    RELEASE_NAMESPACE,
    Installation,
    restricted_labels,
)

# Kubernetes alone waits 10 and 20 s after two faults on one shard, takes up to a minute to find an
# API server that is back, and 10 s to start a server that is killed twice.
COMPLETE_SECONDS = 240
# What the status says of the last pods, and their removal, follow the end of a run.
_SETTLED_SECONDS = 20
_POLL_SECONDS = 1.0
# A loop would make that many in a few seconds; a run with faults makes 10 to 40.
_MOST_WRITES = 200
_OPERATOR = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
_WRITES = {"create", "update", "patch", "delete"}


@dataclass
class Result(Verdict):
    """How a schedule ended: the faults that hit, and how often the operator wrote."""

    schedule: Schedule
    dealt: list[str] = field(default_factory=list)
    writes: int = 0


def play(chosen: Schedule, installation: Installation, servers: Servers, folder: Path) -> Result:
    """Play a schedule, print a line about it, and its story if it failed."""
    result = Result(chosen)
    began = time.monotonic()
    place = folder / f"chaos-{chosen.seed}"
    place.mkdir()
    applied = Applied(installation, place.name, place.name)
    try:
        _prepare(chosen, applied, servers)
        experiment = write_experiment(place, chosen, applied, servers.secrets)
        _under_fire(result, applied, experiment, servers)
        if not result.violations:
            result.verify(experiment)
    except Exception as error:  # noqa: BLE001 - told; the others are to be played
        result.violations.append(f"{type(error).__name__}: {error}")
    result.seconds = time.monotonic() - began
    _say(result)
    if not result.passed:
        print(_story(result, applied), flush=True)
    _remove(applied, servers)
    return result


def _prepare(chosen: Schedule, applied: Applied, servers: Servers) -> None:
    cluster = applied.cluster
    if cluster.node is not None:
        cluster.node.wait_ready()
    servers.rest()
    _have_operators(cluster, chosen.operators)
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": applied.namespace, "labels": restricted_labels()},
    }
    cluster.apply(namespace)
    applied.installation.give_secrets(applied.namespace)


def _have_operators(cluster: Cluster, wanted: int) -> None:
    where = ("--namespace", RELEASE_NAMESPACE)
    cluster.kubectl("scale", "deployment", RELEASE, f"--replicas={wanted}", *where)
    for pod in cluster.find_all("pods", RELEASE_NAMESPACE, OPERATORS):
        if worn(pod):
            cluster.kubectl("delete", "pod", pod["metadata"]["name"], *where, "--wait=false")

    def there() -> bool:
        pods = cluster.find_all("pods", RELEASE_NAMESPACE, OPERATORS)
        return len(pods) == wanted and all(map(rested, pods))

    wait_for(there, 120, f"{wanted} operators are ready")


def _under_fire(
    result: Result, applied: Applied, experiment: ChaosExperiment, servers: Servers
) -> None:
    chosen, number = result.schedule, 1
    node = applied.cluster.node
    assert node is not None
    if chosen.replaces:
        applied.apply(earlier(chosen))
        _complete(applied, number, COMPLETE_SECONDS)
        number = 2
    users = _users(chosen, experiment, servers)
    before = _writes(node)
    with ExitStack() as stack:
        readers = _readers(chosen, experiment, servers)
        readers += [Reader(user.look) for user in users]
        for closing in [*(user.leave for user in users), *(reader.close for reader in readers)]:
            stack.callback(closing)
        applied.apply(spec(chosen))
        with FaultInjector(chosen, applied, node, servers, result.dealt):
            _complete(applied, number, COMPLETE_SECONDS)
        # The last fault may have suspended what was complete already.
        _complete(applied, number, COMPLETE_SECONDS)
        if not all(reader.looking for reader in readers):
            result.violations.append("a reader ended before the run did")
    result.looks = sum(reader.looks for reader in readers)
    result.sights = [sight for reader in readers for sight in reader.sights]
    for user in users:
        result.violations += user.missed()
        user.forget()
    result.violations += _settled(applied, number, experiment.load().tables)
    result.writes = _writes(node) - before
    if result.writes > _MOST_WRITES:
        result.violations.append(f"the operator wrote {result.writes} times")


def _complete(applied: Applied, number: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(*PASSING):
            found = applied.object() or {"metadata": {}}
            status = found.get("status") or {}
            run = status.get("run") or {}
            if run.get("number") == number and status.get("phase") == "Failed":
                raise AssertionError(f"run {number} failed: {run.get('message')}")
            seen = status.get("observedGeneration") == found["metadata"].get("generation")
            if seen and (run.get("number"), status.get("phase")) == (number, "Complete"):
                return
        if time.monotonic() > deadline:
            raise AssertionError(f"run {number} is not complete after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


def _settled(applied: Applied, number: int, tables: dict[str, int]) -> list[str]:
    """What is still not as it should be, some time after the end of the run."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    wrong = ["the cluster does not answer"]
    while wrong and time.monotonic() < deadline:
        with suppress(*PASSING):
            wrong = untruths(applied.status(), number, tables)
            wrong += leftovers(number, applied.children("jobs"), applied.pods())
        time.sleep(_POLL_SECONDS if wrong else 0)
    return wrong


def _readers(chosen: Schedule, experiment: ChaosExperiment, servers: Servers) -> list[Reader]:
    counts, name = experiment.counts(), experiment.name
    looks = []
    if chosen.postgres:
        looks.append(postgres_look(servers.connect, name, counts))
    if chosen.parquet:
        looks.append(bucket_look(servers.s3(), BUCKET, f"{name}/", counts))
    return [Reader(look) for look in looks]


def _users(chosen: Schedule, experiment: ChaosExperiment, servers: Servers) -> list[Users]:
    """Somebody who has put things on the published tables of the earlier run."""
    if not chosen.postgres or not chosen.replaces:
        return []
    user = Users(servers.connect, experiment.name, chosen.seed)
    user.come()
    return [user]


def _writes(node: Node) -> int:
    """How often operators have written to the API server so far."""
    return sum(
        one["user"]["username"] == _OPERATOR and one["verb"] in _WRITES for one in node.requests()
    )


def _say(result: Result) -> None:
    verdict = "ok  " if result.passed else "FAIL"
    strikes = len(result.schedule.strikes)
    print(
        f"{verdict} {result.seconds:5.1f} s, {len(result.dealt)} of {strikes} faults hit, "
        f"{result.looks} looks, {result.writes} writes: {result.schedule}",
        flush=True,
    )
    for text in [*result.violations, *result.sights[:3]]:
        print(f"     {text}", flush=True)


def _story(result: Result, applied: Applied) -> str:
    """All that may tell why a schedule failed."""
    cluster = applied.cluster
    told = [f"dealt: {dealt}" for dealt in result.dealt]
    with suppress(*PASSING):
        told.append(json.dumps(applied.object(), indent=1))
    told.append(cluster.story(applied.namespace))
    with suppress(*PASSING):
        for pod in cluster.find_all("pods", RELEASE_NAMESPACE, OPERATORS):
            name = pod["metadata"]["name"]
            where = ("--namespace", RELEASE_NAMESPACE, "--tail=100")
            told += [f"{name} said:", cluster.kubectl("logs", name, *where)]
    return "\n".join(told)


def _remove(applied: Applied, servers: Servers) -> None:
    with suppress(*PASSING):
        options = ("--ignore-not-found", "--wait=false")
        applied.cluster.kubectl("delete", "namespace", applied.namespace, *options)
    with suppress(psycopg.Error, BotoCoreError, ClientError):
        servers.forget(applied.name)
