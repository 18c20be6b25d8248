"""Verify what an experiment published: open its destinations, compare, close."""

from __future__ import annotations

from contextlib import closing, suppress

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import ReportWait, unreported
from rowmill.destinations.postgres.reading_names import Reading
from rowmill.engine.verdict import verdict_of
from rowmill.engine.verification import OnProgress, Verification, ignored
from rowmill.spec.dataset import Spec
from rowmill.verify.compare import verify
from rowmill.warehouse.published import Published, Reload, open_published, published_in
from rowmill.worker.destinations import Connections, one_machine, open_destinations
from rowmill.worker.verdicts import keep_verdict


def verify_published(
    spec: Spec,
    connections: Connections,
    *,
    threads: int,
    reload: Reload | None = None,
    on_progress: OnProgress = ignored,
    wait: ReportWait = unreported,
) -> Verification:
    """Make the published run's rows again and compare all destinations with them.

    Args:
        spec, connections, reload, wait: of `open_published`.
        threads: how many make and compare rows.
        on_progress: told how far it is, from one thread at a time.

    Raises:
        NothingPublished: no run of this manifest is published.
        DestinationRefused, DestinationUnavailable: a destination cannot be read.
    """
    with open_published(spec, connections, reload, wait, reading=Reading.VERIFY) as opened:
        return verify_opened(opened, threads=threads, on_progress=on_progress)


def verify_and_keep(
    spec: Spec,
    connections: Connections,
    *,
    threads: int,
    reload: Reload | None = None,
    on_progress: OnProgress = ignored,
    wait: ReportWait = unreported,
) -> Verification:
    """As `verify_published`, and what it comes to is the verdict that the run's record tells.

    It takes no more than the right to read: who may not write leaves the record as it is, and so is
    that of somebody else's run.
    """
    with (
        closing(open_destinations(spec, connections, patience=one_machine(wait))) as destinations,
        published_in(destinations, spec, reload, Reading.VERIFY) as opened,
    ):
        found = verify_opened(opened, threads=threads, on_progress=on_progress)
        if opened.run.owner == destinations.owner:
            with suppress(DestinationRefused, DestinationUnavailable):
                keep_verdict(destinations.ledger.runs, opened.run, verdict_of(found))
        return found


def verify_opened(opened: Published, *, threads: int, on_progress: OnProgress) -> Verification:
    """As `verify_published`, of a run that the caller has opened."""
    return verify(
        opened.run,
        opened.dataset,
        opened.make_generator,
        opened.stores,
        problems=opened.problems,
        workers=threads,
        on_progress=on_progress,
    )
