"""A pod's removal of data: a purge for good, a reset before the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from rowmill.plan.bundle import Bundle
from rowmill.plan.pod_report import PurgeReport
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.removal.purge import former_engines, purge, reset_run
from rowmill.worker.removal.removed import Purged
from rowmill.worker.shard import Stopped
from rowmill_job.outcome import Outcome, done
from rowmill_job.pod import Pod, given, open_in_pod


def run_purge(pod: Pod) -> Outcome:
    """Remove the experiment's data and records.

    Raises:
        BundleRefused, InvalidManifest: the bundle is none of this image's.
        Stopped, DestinationRefused, DestinationUnavailable: see worker/removal/purge.py;
            DataNotFound: data was written, and it is not where the Secret leads.
    """
    bundle, spec = given(pod)
    written, report = pod.place.written, _reporting(pod)
    with _opened(pod, bundle, spec) as (destinations, former):
        return _outcome(purge(destinations, bundle.uid, written, report, former))


def run_reset(pod: Pod) -> Outcome:
    """Remove the experiment's data while the bundle's run is its newest; raises as `run_purge`."""
    bundle, spec = given(pod)
    written, report = pod.place.written, _reporting(pod)
    with _opened(pod, bundle, spec) as (destinations, former):
        number = bundle.number
        return _outcome(reset_run(destinations, bundle.uid, number, written, report, former))


@contextmanager
def _opened(
    pod: Pod, bundle: Bundle, spec: Spec
) -> Iterator[tuple[Destinations, list[Destinations]]]:
    """The Experiment's destinations, and those under the owner keys that it had before."""
    with ExitStack() as opened:
        destinations = opened.enter_context(closing(open_in_pod(pod, bundle, spec)))
        former = [
            opened.enter_context(closing(open_in_pod(pod, replace(bundle, engine=engine), spec)))
            for engine in former_engines(destinations, bundle.uid, pod.place.written, bundle.adopt)
        ]
        yield destinations, former


def _reporting(pod: Pod) -> Callable[[Purged], None]:
    def report(purged: Purged) -> None:
        if pod.stop.is_set():
            raise Stopped
        pod.leave(_outcome(purged))

    return report


def _outcome(purged: Purged) -> Outcome:
    removed = purged.removed
    report = PurgeReport(purged.end, removed.tables, removed.rows, removed.objects)
    return done(purged.message, purged=report)
