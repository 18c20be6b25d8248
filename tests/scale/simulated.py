"""The operator with many experiments, whose pods are simulated, on a real control plane."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figures import Figure
from tests.e2e.cluster.access import Cluster, KubectlError, wait_for
from tests.e2e.cluster.node import Node, node_of_its_own
from tests.scale.answers import answering
from tests.scale.experiments import (
    NAMESPACE,
    TABLE,
    count,
    create_all,
    name_of,
    phases,
    remove_all,
)
from tests.scale.operator_process import OperatorProcess, operator
from tests.scale.requests import Request, now, requests_since
from tests.scale.simulation import simulated_nodes

ROOT = Path(__file__).parents[2]
MIB = 2**20
RUNNING = 100
CREATED_SECONDS, RESTART_SECONDS, MEMORY_MIB, WRITES = 30, 30, 200, 0.25
WATCHED_SECONDS = 120
# Until progress that goes on no more is written: half as often as usual, at the latest.
_LAST_PROGRESS = 20
# What a restarted operator would write, it would have by then.
_AFTER_RESTART = 30
_CHILDREN = ("jobs", "pods", "configmaps")
# By their defaults Kubernetes's own controllers make 20 calls a second each, the scheduler 50: so
# it would take half an hour until as many Jobs are complete.
_UNLIMITED = {"kube-api-qps": 500, "kube-api-burst": 1000}
_CONTROL_PLANE: dict[str, dict[str, object]] = {
    "kube-controller-manager": {**_UNLIMITED, "concurrent-job-syncs": 20},
    "kube-scheduler": {**_UNLIMITED},
}


def measure(folder: Path, wanted: int) -> list[Figure]:
    """Apply so many experiments, of which a tenth go on running, RUNNING at most; remove them."""
    running = min(RUNNING, wanted // 10)
    with _cluster(folder) as cluster:
        node = cluster.node
        assert node is not None
        log = folder / "operator.log"
        with simulated_nodes(cluster, folder), answering(TABLE) as answers:
            try:
                with operator(cluster.kubeconfig, log) as process:
                    figures = [*_at_work(cluster, node, process, wanted, running)]
                    answers.hold()
                    time.sleep(_LAST_PROGRESS)
                with operator(cluster.kubeconfig, log) as process:
                    figures += [_restart(node, process, wanted), _removal(cluster, wanted)]
            except BaseException:
                print(log.read_text("utf-8")[-4_000:], file=sys.stderr)
                raise
    return figures


@contextmanager
def _cluster(folder: Path) -> Iterator[Cluster]:
    """A node of our own, in whose network this process is from then on."""
    with node_of_its_own(folder) as node:
        node.join()
        cluster = Cluster(node.kubeconfig, node)
        cluster.apply((ROOT / "crds" / "rowmill.dev_experiments.yaml").read_text("utf-8"))
        wait_for(lambda: _served(cluster), 30, "Experiments are served")
        cluster.kubectl("create", "namespace", NAMESPACE)
        yield cluster


def _served(cluster: Cluster) -> bool:
    try:
        cluster.kubectl("get", "experiments")
    except KubectlError:
        return False
    return True


def _at_work(
    cluster: Cluster, node: Node, process: OperatorProcess, wanted: int, running: int
) -> Iterator[Figure]:
    wait_for(process.answers, 60, "the operator answers")
    yield _creation(cluster, wanted, running)
    for program, flags in _CONTROL_PLANE.items():
        node.restart(program, flags)
    yield _completion(cluster, process, wanted, running)
    yield from _calls(node, process, wanted, running)
    yield _memory(process, wanted, running)


def _creation(cluster: Cluster, wanted: int, running: int) -> Figure:
    began = time.monotonic()
    created = create_all(cluster.kubeconfig, wanted, running)
    _say(f"{wanted} Experiments created in {created:.1f} s")
    # Two Jobs each, of which the second follows a pod's end.
    wait_for(lambda: count(cluster.kubeconfig, "jobs") >= wanted, 300, "a Job for each")
    seconds = time.monotonic() - began
    return _told(
        f"{wanted} Experiments applied at once: all Jobs created",
        f"within {CREATED_SECONDS} s",
        f"{seconds:.1f} s ({wanted / seconds:.0f}/s; creating them took {created:.1f} s)",
        seconds <= CREATED_SECONDS,
    )


def _completion(cluster: Cluster, process: OperatorProcess, wanted: int, running: int) -> Figure:
    began = time.monotonic()
    expected = Counter(Complete=wanted - running, Running=running)

    def settled() -> bool:
        return all(process.experiments(phase) == number for phase, number in expected.items())

    wait_for(settled, 600, "the others are complete")
    seconds = time.monotonic() - began
    found = phases(cluster)
    return _told(
        f"after that, {wanted - running} of them complete, each by a second Job",
        "reported",
        f"{seconds:.0f} s",
        None if found == expected else False,
    )


def _calls(node: Node, process: OperatorProcess, wanted: int, running: int) -> Iterator[Figure]:
    looks = process.looks()
    began, moment = time.monotonic(), now()
    time.sleep(WATCHED_SECONDS)
    seconds = time.monotonic() - began
    looked = (process.looks() - looks) / running / seconds
    made = list(requests_since(node, moment))
    writes = [request for request in made if request.writes]
    rate = len(writes) / running / seconds
    yield _told(
        f"API writes by the operator per running experiment, {running} of {wanted} running",
        f"at most {WRITES}/s",
        f"{rate:.3f}/s over {seconds:.0f} s ({_kinds(writes)}); {looked:.2f} looks/s",
        rate <= WRITES,
    )
    working = {name_of(number) for number in range(running)}
    others = [one for one in made if one.experiment and one.experiment not in working]
    yield _told(
        f"its other API calls in that time, {wanted - running} experiments being complete",
        "none about these",
        f"{len(others)} about these; {_kinds(one for one in made if not one.writes)} of all",
        not others,
    )


def _memory(process: OperatorProcess, wanted: int, running: int) -> Figure:
    used, peak = process.memory() / MIB, process.peak / MIB
    return _told(
        f"operator memory with {wanted} experiments, {running} of them running, validator included",
        f"under {MEMORY_MIB} MiB",
        f"{used:.0f} MiB at work, {peak:.0f} MiB at most since its start",
        peak < MEMORY_MIB,
    )


def _restart(node: Node, process: OperatorProcess, wanted: int) -> Figure:
    began, moment = time.monotonic(), now()
    wait_for(
        lambda: process.looks() >= wanted and process.metric("rowmill_operator_queue_depth") == 0,
        300,
        "every experiment was looked at",
    )
    seconds = time.monotonic() - began
    time.sleep(_AFTER_RESTART)
    writes = [request for request in requests_since(node, moment) if request.writes]
    return _told(
        f"operator restart with {wanted} experiments",
        f"settled within {RESTART_SECONDS} s, no write where nothing changed",
        f"{seconds:.1f} s, {len(writes)} writes in it and the {_AFTER_RESTART} s after"
        + (f" ({_kinds(writes)})" if writes else ""),
        seconds <= RESTART_SECONDS and not writes,
    )


def _removal(cluster: Cluster, wanted: int) -> Figure:
    began = time.monotonic()
    asked = remove_all(cluster.kubeconfig, wanted)
    gone = "no child remains"
    left = dict.fromkeys(_CHILDREN, 1)

    def all_gone() -> bool:
        left.update({kind: count(cluster.kubeconfig, kind) for kind in _CHILDREN})
        return not any(left.values())

    try:
        wait_for(all_gone, 600, gone)
    except AssertionError:
        remaining = ", ".join(f"{number} {kind}" for kind, number in left.items() if number)
        return _told(f"{wanted} Experiments deleted", gone, f"after 600 s {remaining}", False)
    seconds = time.monotonic() - began
    experiments = count(cluster.kubeconfig, "experiments")
    return _told(
        f"{wanted} Experiments deleted",
        gone,
        f"0 Jobs, 0 pods, 0 ConfigMaps after {seconds:.0f} s (asking took {asked:.1f} s)",
        experiments == 0,
    )


def _kinds(requests: Iterable[Request]) -> str:
    """How many of which, most first."""
    counted = Counter(f"{request.verb} {request.kind}" for request in requests)
    return ", ".join(f"{number} {what}" for what, number in counted.most_common())


def _told(what: str, reach: str, measured: str, met: bool | None) -> Figure:
    """A figure, said at once: the next one takes minutes."""
    print(f"{what}: {measured}", file=sys.stderr, flush=True)
    return Figure(what, reach, measured, met)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
