"""A pod's comparison of what a run has published with its rows made again."""

from __future__ import annotations

from contextlib import closing

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.reading_names import Reading
from rowmill.engine.verification import OnProgress, Verification, VerifyProgress
from rowmill.plan.bundle import Bundle
from rowmill.plan.pod_report import VerifyReport
from rowmill.plan.runs import Run
from rowmill.spec.cluster_names import ASK_VERIFY
from rowmill.warehouse.published import NothingPublished, published_in
from rowmill.warehouse.verifying import verify_opened
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import experiment_runs, published
from rowmill.worker.shard import Stopped
from rowmill_job.outcome import Outcome, done
from rowmill_job.pod import Pod, given, open_in_pod
from rowmill_job.processors import processors


def verify_run(pod: Pod) -> Outcome:
    """Compare the bundle's run with its rows made again; that it differs is an answer as well.

    It takes no right but to read, and holds one snapshot until it ends: no run can be published
    meanwhile.

    Raises:
        BundleRefused, InvalidManifest: the bundle is none of this image's.
        DestinationRefused: NotPublished, the run is not the published one, or not any more; or a
            destination cannot be read.
        Stopped, DestinationUnavailable: it was told to stop; a destination is out of reach.
    """
    bundle, spec = given(pod)
    with closing(open_in_pod(pod, bundle, spec)) as destinations:
        _refuse_unpublished(bundle, destinations)
        try:
            with published_in(destinations, spec, None, Reading.VERIFY) as opened:
                # Published in its place meanwhile: another run, or one of other data.
                _refuse_other(bundle, destinations, opened.run)
                pod.board.about(opened.run.id)
                report = verify_opened(
                    opened, threads=processors(pod.place.root), on_progress=_showing(pod)
                )
        except NothingPublished as error:
            raise _not_published(bundle, destinations, str(error)) from None
    return _outcome(report)


def _refuse_unpublished(bundle: Bundle, destinations: Destinations) -> None:
    run = published(destinations)
    if run is None:
        raise _not_published(bundle, destinations, "no run of it is")
    _refuse_other(bundle, destinations, run)


def _refuse_other(bundle: Bundle, destinations: Destinations, run: Run) -> None:
    """Refuse a published run that is neither the bundle's nor the one that it repeated.

    A repeat leaves no record of its own, and has the data of the run that it repeated.
    """
    if (run.uid, run.number) == (bundle.uid, bundle.number):
        return
    recorded = any(
        (known.uid, known.number) == (bundle.uid, bundle.number)
        for known in experiment_runs(destinations)
    )
    if recorded or run.plan.digest != bundle.plan.digest:
        raise _not_published(
            bundle,
            destinations,
            f"run {run.number} ({run.id}) is; ask for that one by the annotation {ASK_VERIFY}",
        )


def _not_published(bundle: Bundle, destinations: Destinations, why: str) -> DestinationRefused:
    text = f"run {bundle.number} of {destinations.owner} is not the published one: {why}"
    return DestinationRefused("NotPublished", text)


def _showing(pod: Pod) -> OnProgress:
    """Shows how far it is; ends it once the pod is to stop."""

    def show(progress: VerifyProgress) -> None:
        if pod.stop.is_set():
            raise Stopped
        pod.board.compared(progress.rows)
        pod.board.step(str(progress))

    return show


def _outcome(report: Verification) -> Outcome:
    verified = VerifyReport(
        run=report.run_id or "",
        identical=report.identical,
        rows=report.rows,
        checksum=report.checksum,
        differences=report.differences,
        where=report.where,
    )
    rows = f"{counted(report.rows, 'row')} made again"
    if report.identical:
        message = f"run {report.run} is identical in every destination: {rows}"
    else:
        count = f"differing rows: {report.differences:,}; " if report.differences else ""
        message = f"run {report.run} differs: {report.where} ({count}{rows})"
    return done(message, verified=verified)
