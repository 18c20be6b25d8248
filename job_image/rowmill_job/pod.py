"""One pod at work, with its bundle and its destinations: what every task begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from rowmill.destinations.patience import Patience, ReportWait
from rowmill.plan.bundle import Bundle
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations, open_destinations
from rowmill.worker.shard import Stopped
from rowmill_job.board import Board
from rowmill_job.bundle import read_bundle, spec_of
from rowmill_job.outcome import Outcome
from rowmill_job.place import Place


@dataclass(frozen=True)
class Pod:
    """One pod at work: where it is, what it shows, when it is to stop.

    `wait` is told of servers that are waited for, `say` of all else for the log.
    `leave` leaves the message of an end that may come before the pod can say more.
    """

    place: Place
    board: Board
    stop: Event
    wait: ReportWait
    say: Callable[[str], None]
    leave: Callable[[Outcome], None]


def given(pod: Pod) -> tuple[Bundle, Spec]:
    """The pod's bundle and its spec, with the credentials that the pod was given.

    Raises:
        BundleRefused, InvalidManifest: this image cannot run it.
    """
    bundle = read_bundle(pod.place.bundle)
    return bundle, pod.place.as_given(spec_of(bundle))


def open_in_pod(pod: Pod, bundle: Bundle, spec: Spec) -> Destinations:
    """Open what `spec` names, with a pod's patience: long, and none once it is told to stop.

    Connects to nothing yet; the caller closes it.
    """

    def sleep(seconds: float) -> None:
        """Wait between two tries, but not once the pod is to stop."""
        if pod.stop.wait(seconds):
            raise Stopped

    return open_destinations(
        spec,
        pod.place.connections(spec, bundle.engine),
        patience=Patience(login_seconds=pod.place.login_seconds, sleep=sleep, report=pod.wait),
        retried=pod.board.retried,
    )
