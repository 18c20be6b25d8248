"""Verify what a run has just published, where the manifest asks for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from rowmill.destinations.errors import Fenced
from rowmill.destinations.patience import ReportWait
from rowmill.engine.verdict import said_unverified
from rowmill.engine.verification import Verification, VerifyProgress
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.run.progress import Phase, ProgressBoard
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections


def verify_run(
    run: Run,
    spec: Spec,
    connections: Connections,
    board: ProgressBoard,
    *,
    threads: int,
    wait: ReportWait,
    stop: Event,
    check: Callable[[], None],
) -> Verification:
    """Compare what `run` has published with its rows made again.

    The caller holds the experiment, so that no other run takes its place meanwhile.

    Args:
        board: shows how far it is.
        threads: how many make and compare rows.
        wait: told which server is waited for.
        check: asked now and then, and raises to end it, as of a `Watch`.
        stop: set if somebody ended the run while it was published, and so all the same complete.

    Raises:
        Interrupted, DestinationRefused, DestinationUnavailable: it came to no answer; the message
            says that the run is complete.
    """
    # Only here: the driver that it reads tables with takes time and memory, also of a run's forks.
    from rowmill.warehouse.verifying import verify_published

    def show(progress: VerifyProgress) -> None:
        check()
        board.compared(str(progress))

    try:
        board.turn(Phase.VERIFYING)
        if stop.is_set():
            raise KeyboardInterrupt
        return verify_published(spec, connections, threads=threads, on_progress=show, wait=wait)
    except KeyboardInterrupt:
        why = f"interrupted; `rowmill verify {spec.name}` does it at any time"
        raise Interrupted("Interrupted", f"{said_unverified(run.number)}: {why}") from None
    except Fenced:
        raise
    except RowmillError as error:
        error.args = (f"{said_unverified(run.number)}: {error}",)
        raise
