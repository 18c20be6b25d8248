"""`run`: make the data, show the progress, close with a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rowmill.cli.manifest_warnings import say_warnings
from rowmill.cli.progress_display import Display, progress_display
from rowmill.cli.sources import Secrets, from_file, one_file, refuse_name
from rowmill.cli.waiting import say_starting, terminal_reports
from rowmill.commands.consent import agreed, consent_of
from rowmill.counting import counted
from rowmill.engine.consent import Consent
from rowmill.engine.request import Mode, RunRequest
from rowmill.errors import Differs
from rowmill.local.detached import Begun, DetachedRun, start_detached
from rowmill.local.home.folder import rowmill_home
from rowmill.local.records import run_records
from rowmill.local.run.outcome import Outcome
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.source import Source
from rowmill.local.supervision import supervised_by_forks
from rowmill.spec.dataset import Spec
from rowmill.terminal import figures
from rowmill.terminal.failures import Answered, UsageError
from rowmill.terminal.figures import short
from rowmill.terminal.output import Output, ProgressStyle, print_json
from rowmill.terminal.prose import notice, say


def run(
    manifest: Path | None,
    file: Path | None,
    workers: int | None,
    batch_rows: int | None,
    scale: str | None,
    seed: int | None,
    secrets: Secrets,
    resume: bool,
    restart: bool,
    adopt: str | None,
    detach: bool,
    progress: ProgressStyle | None,
    progress_interval: float,
    output: Output,
) -> None:
    """Run an experiment to its end, or with `detach` until it goes on by itself.

    Exits with 1 if it is verified at its end, and differs; raises what terminal/failures.py turns
    into exit codes.
    """
    chosen_file = one_file(manifest, file)
    if resume and restart:
        raise UsageError("--resume and --restart exclude each other")
    if detach and progress not in (None, ProgressStyle.NONE):
        raise UsageError(
            "--detach shows no progress, and so takes no --progress; `rowmill status NAME -w` does"
        )
    refuse_name(chosen_file)
    mode = Mode.RESUME if resume else Mode.AUTO
    request = RunRequest(workers=workers, batch_rows=batch_rows, mode=mode, adopt=adopt)
    source = replace(from_file(chosen_file, scale, seed, secrets), asked=request)
    spec = source.spec()
    say_warnings(source, spec)
    consent = consent_of(restart=restart)
    if detach:
        _run_detached(source, request, consent, output)
    else:
        display = partial(progress_display, progress, progress_interval)
        _run_attached(source, spec, request, consent, display, output)


def _run_attached(
    source: Source,
    spec: Spec,
    request: RunRequest,
    consent: Consent,
    display: Callable[[], AbstractContextManager[Display]],
    output: Output,
) -> None:
    with supervised_by_forks(
        rowmill_home(), source, spec, request, starting=say_starting
    ) as supervision:

        def attempt(consent: Consent) -> Outcome:
            with display() as show:
                hooks = RunHooks(progress=show, notice=notice, wait=show.wait)
                return supervision.run(request.by(consent), hooks)

        outcome = agreed(attempt, consent)
        reference = supervision.reference
    if output is Output.JSON:
        print_json(_document(outcome))
    else:
        _summarize(spec, outcome, reference)
        if outcome.verification is not None:
            # Only here: it brings bars, of which a run in a script has no need.
            from rowmill.views.verification import show_verification

            show_verification(outcome.verification, f"rowmill rerun {reference}")
    if outcome.verification is not None and not outcome.verification.identical:
        raise Answered(Differs)


def _run_detached(source: Source, request: RunRequest, consent: Consent, output: Output) -> None:
    home, reports = rowmill_home(), terminal_reports()

    def attempt(consent: Consent) -> Begun:
        return start_detached(DetachedRun(home, source, request.by(consent)), reports)

    begun = agreed(attempt, consent)
    if output is Output.JSON:
        told = {"repeat": begun.repeat, "resumed": begun.resumed, "process": begun.process}
        print_json({**begun.run.to_json(), **told})
    elif begun.repeat:
        say(_repeated(begun.run.experiment, begun.run.number))
    else:
        say("\n".join(_goes_on(begun)))


def _document(outcome: Outcome) -> dict[str, Any]:
    work, vitals = outcome.snapshot.work, outcome.snapshot.workers.values()
    rate = None if outcome.repeat else round(_rate(outcome))
    return {
        **run_records.progress(outcome.run, None, rows_per_second=rate).to_json(),
        "repeat": outcome.repeat,
        "resumed": outcome.resumed,
        "replaces": outcome.replaces.to_json() if outcome.replaces is not None else None,
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
        "rowsGenerated": work.generated,
        "rowsAlready": outcome.snapshot.already,
        "copiedBytes": work.copied_bytes,
        "objectBytes": work.object_bytes,
        "firstToLastBatch": _first_to_last(outcome),
        "used": [
            {"peakBytes": v.peak_bytes, "cpuSeconds": round(v.cpu_seconds, 3)} for v in vitals
        ],
        "verification": outcome.verification.to_json() if outcome.verification else None,
    }


def _first_to_last(outcome: Outcome) -> dict[str, float] | None:
    """The load alone, without the workers' start: wall time, and processor time of all workers."""
    stretches = [v.loading for v in outcome.snapshot.workers.values() if v.loading is not None]
    if not stretches:
        return None
    since, until = min(s.since for s in stretches), max(s.until for s in stretches)
    return {
        "seconds": round(until - since, 3),
        "cpuSeconds": round(sum(s.cpu_seconds for s in stretches), 3),
    }


def _rate(outcome: Outcome) -> float:
    made = outcome.snapshot.rows - outcome.snapshot.already
    total = outcome.seconds.get("total", 0.0)
    return made / total if total else 0.0


def _summarize(spec: Spec, outcome: Outcome, reference: str) -> None:
    run = outcome.run
    if outcome.repeat:
        say(_repeated(spec.name, run.number))
        return
    say("\n".join([*_facts(spec, outcome), *_places(spec), *_next_steps(spec, outcome, reference)]))


def _repeated(name: str, number: int | None) -> str:
    return (
        f"{name}: nothing to do: run {number} made exactly this already (--restart makes it again)"
    )


def _goes_on(begun: Begun) -> Iterator[str]:
    run, name = begun.run, begun.reference
    rows = counted(run.rows_total or 0, "row")
    yield f"{run.experiment}: run {run.number}, of {rows}, goes on in process {begun.process}"
    yield f"  rowmill status {name} -w     show how far it is, until it has ended"
    if name == run.experiment:
        # A log is found by NAME alone.
        yield f"  rowmill logs {name} -f       show what it says"
    yield f"  rowmill suspend {name}       stop it for now; `rowmill resume {name}` goes on with it"


def _facts(spec: Spec, outcome: Outcome) -> Iterator[str]:
    run, seconds, work = outcome.run, outcome.seconds, outcome.snapshot.work
    tables = counted(len(run.plan.tables), "table")
    yield (
        f"{spec.name}: run {run.number} is complete, {counted(run.plan.rows, 'row')} in {tables}"
    )
    if outcome.resumed:
        yield (
            f"  resumed   {counted(outcome.snapshot.already, 'row')} already there, "
            f"{figures.count(work.generated)} made now"
        )
    if outcome.replaces is not None:
        yield f"  replaced  {outcome.replaces}"
    steps = (f"{n} {figures.duration(seconds[n])}" for n in seconds if n != "total")
    yield f"  time      {figures.duration(seconds['total'])} ({', '.join(steps)})"
    if work.generated:
        yield f"  speed     {figures.rate(_rate(outcome))} all in"
    sent = []
    if spec.postgres is not None:
        sent.append(f"{figures.size(work.copied_bytes)} to Postgres")
    if spec.parquet is not None:
        sent.append(f"{figures.size(work.object_bytes)} to S3")
    yield f"  sent      {', '.join(sent)}"
    peak = max((v.peak_bytes for v in outcome.snapshot.workers.values()), default=0)
    yield f"  memory    {figures.size(peak)} at most in a worker ({outcome.workers} at once)"
    yield f"  data      version {run.plan.data_version}, {short(run.plan.digest)}"


def _places(spec: Spec) -> Iterator[str]:
    if spec.postgres is not None:
        yield f"  Postgres  schema {spec.postgres.schema}"
    if spec.parquet is not None:
        yield f"  S3        s3://{spec.parquet.bucket}/{spec.parquet.prefix}TABLE/*.parquet"


def _next_steps(spec: Spec, outcome: Outcome, reference: str) -> Iterator[str]:
    if any(target is not None and target.embedded for target in (spec.postgres, spec.parquet)):
        yield (
            "The embedded servers are still up: `rowmill down` stops them, "
            '`eval "$(rowmill env)"` points psql and S3 tools at them.'
        )
    if outcome.verification is None:
        yield f"Next: rowmill verify {reference}"
