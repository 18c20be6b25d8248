"""A run on this machine: from a spec to published data, in worker processes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from rowmill.destinations.ledger import ExperimentHold
from rowmill.engine.request import RunRequest
from rowmill.local.home.folder import Home
from rowmill.local.planning import chosen_workers, plan_for
from rowmill.local.run.admission import admission
from rowmill.local.run.execution import Execution
from rowmill.local.run.outcome import Outcome
from rowmill.local.run.progress import ProgressBoard
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run.run_signals import heeded_signals
from rowmill.local.run_errors import not_begun
from rowmill.local.workers.child_process import Child
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations
from rowmill.worker.holding import held
from rowmill.worker.run_history import types_kept
from rowmill.worker.start.local_run import prepare
from rowmill.worker.start.prepared import Prepared
from rowmill.worker.start.refusals import FewerRows, NoRunToResume


def run(
    spec: Spec,
    connections: Connections,
    source: RunSource,
    request: RunRequest,
    hooks: RunHooks,
    *,
    home: Home,
    spare: list[Child] | None = None,
) -> Outcome:
    """Run an experiment to its end, or say why not.

    Args:
        spec: of the experiment.
        connections: to its destinations.
        source: what it came from, kept with a new run.
        request: how to make the run.
        hooks: told of it as it goes.
        home: where the embedded servers are.
        spare: children that may become its workers.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM; RunAborted and RunSuspended, two of these: by others.
        RunFailed: a defect or trouble that outlasted the retries.
        DestinationRefused, DestinationUnavailable: before any work was done.
        Conflict: LiveRunElsewhere, another process runs it now.
        EditedManifest, FewerRows, NoRunToResume: see worker/start/refusals.py.
    """
    started = time.monotonic()
    with heeded_signals() as signals:
        patience = one_machine(hooks.wait, sleep=signals.sleep)
        try:
            with (
                closing(open_destinations(spec, connections, patience=patience)) as destinations,
                _held(destinations, hooks) as hold,
            ):
                workers = chosen_workers(spec, request.workers)
                prepared = prepare(
                    spec,
                    destinations,
                    lambda spec: _plan(spec, request),
                    mode=request.mode,
                    adopt=request.adopt,
                    source=source,
                    # By the clock of which the run's summary tells, so that `runs` shows the same.
                    started_at=datetime.now(UTC) - timedelta(seconds=time.monotonic() - started),
                    agreed=request.agreed,
                    admit=admission(spec, home, hooks.notice),
                )
                spec = spec.at(prepared.run.plan.data_version)
                _report(prepared, spec, request, hooks)
                durable = None if prepared.repeat else destinations.durable(prepared.run)
                hooks.prepared(prepared, durable)
                board = ProgressBoard(prepared.run, prepared.resumed, hooks.progress)
                if durable is None:
                    return Outcome(prepared.run, True, False, 0, {}, board.snapshot(), None)
                execution = Execution(
                    spec=spec,
                    connections=connections,
                    destinations=destinations,
                    prepared=prepared,
                    durable=durable,
                    workers=workers,
                    hold=hold,
                    signals=signals,
                    board=board,
                    started=started,
                    request=request,
                    hooks=hooks,
                    spare=spare or [],
                )
                return execution.run()
        except (FewerRows, NoRunToResume) as error:
            _report_completed(error.rolled_forward, hooks)
            raise
        except KeyboardInterrupt:
            # A run at work hears it itself.
            raise not_begun() from None


@contextmanager
def _held(destinations: Destinations, hooks: RunHooks) -> Iterator[ExperimentHold]:
    """Have no other run begin meanwhile; the ledger is there then."""
    for message in destinations.ledger.ensure():
        hooks.notice(message)
    with held(destinations) as hold:
        hooks.held()
        yield hold


def _plan(spec: Spec, request: RunRequest) -> Plan:
    return plan_for(spec, workers=request.workers, batch_rows=request.batch_rows)


def _report(prepared: Prepared, spec: Spec, request: RunRequest, hooks: RunHooks) -> None:
    run, replaces = prepared.run, prepared.replaces
    _report_completed(prepared.rolled_forward, hooks)
    if replaces is not None:
        hooks.notice(f"run {run.number} replaces {replaces} when it is published")
        if replaces.gone:
            hooks.notice(f"tables that run {run.number} does not have go: {replaces.gone_tables}")
    if notice := types_kept(run, spec):
        hooks.notice(f"{notice}: --restart writes them anew, and so does a change of `rerun`")
    if not prepared.resumed:
        return
    was = ", which was suspended" if prepared.suspended else ""
    hooks.notice(f"resuming run {run.number}{was}: what it made stays")
    if request.batch_rows is not None and _batches(run.plan) != _batches(_plan(spec, request)):
        hooks.notice("the batches of the run's frozen plan hold; --batch-rows is for new runs")


def _batches(plan: Plan) -> list[int]:
    return [table.batch_rows for table in plan.tables]


def _report_completed(numbers: Iterable[int], hooks: RunHooks) -> None:
    for number in numbers:
        hooks.notice(f"run {number} was interrupted while it was published; it is complete now")
