"""`run`: make the data, show the progress, close with a summary."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from rowmill.cli import figures
from rowmill.cli.failures import UsageError
from rowmill.cli.progress_display import progress_display
from rowmill.cli.sources import Source, from_file
from rowmill.local import engine, records
from rowmill.local.connections import connections
from rowmill.local.engine import Options, Outcome
from rowmill.local.home import rowmill_home
from rowmill.spec.dataset import Spec
from rowmill.worker.decision import Mode
from rowmill.worker.prepare import EditedManifest


@dataclass(frozen=True)
class RunRequest:
    """What the command line asked for."""

    file: Path
    workers: int | None
    batch_rows: int | None
    scale: str | None
    seed: int | None
    secrets: tuple[str, ...]
    resume: bool
    restart: bool
    adopt: str | None
    style: str | None
    interval: float
    as_json: bool


def run(request: RunRequest) -> None:
    """Run an experiment to its end; raises what cli/failures.py turns into exit codes."""
    if request.resume and request.restart:
        raise UsageError("--resume and --restart exclude each other")
    source = from_file(request.file, request.scale, request.seed, request.secrets)
    spec = source.spec()
    home = rowmill_home()
    reach = connections(spec, source.secrets, home)
    records.keep(home, source.record(spec.name))
    mode = Mode.RESUME if request.resume else Mode.RESTART if request.restart else Mode.AUTO
    options = Options(
        workers=request.workers,
        batch_rows=request.batch_rows,
        mode=mode,
        adopt=request.adopt,
        source=source.as_json(),
        notice=_say,
    )
    with progress_display(request.style, request.interval) as show:
        try:
            outcome = engine.run(spec, reach, options, show)
        except EditedManifest as error:
            if not _confirmed(error):
                raise
            outcome = engine.run(spec, reach, options.restarting(), show)
    if request.as_json:
        print(json.dumps(_document(spec, outcome), ensure_ascii=False))
    else:
        _summarize(spec, source, outcome)


def _confirmed(error: EditedManifest) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(f"{error}. Drop them and start over?", err=True)


def _say(text: str) -> None:
    print(f"rowmill: {text}", file=sys.stderr)


def _document(spec: Spec, outcome: Outcome) -> dict[str, Any]:
    run, work = outcome.run, outcome.snapshot.work
    vitals = outcome.snapshot.workers.values()
    return {
        "name": spec.name,
        "run": run.number,
        "id": run.id,
        "state": run.state.value,
        "digest": run.plan.digest,
        "dataVersion": run.plan.data_version,
        "repeat": outcome.repeat,
        "resumed": outcome.resumed,
        "rows": run.plan.rows,
        "tables": {layout.table: layout.rows for layout in run.plan.tables},
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
        "rowsPerSecond": round(_rate(outcome)),
        "rowsGenerated": work.generated,
        "rowsAlready": outcome.snapshot.already,
        "copiedBytes": work.copied_bytes,
        "objectBytes": work.object_bytes,
        "firstToLastBatch": _first_to_last(outcome),
        "workers": [
            {"peakBytes": v.peak_bytes, "cpuSeconds": round(v.cpu_seconds, 3)} for v in vitals
        ],
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


def _summarize(spec: Spec, source: Source, outcome: Outcome) -> None:
    run = outcome.run
    if outcome.repeat:
        print(
            f"{spec.name}: run {run.number} is complete and of this very manifest; "
            "its data is left as it is (--restart makes it again)"
        )
        return
    seconds, work = outcome.seconds, outcome.snapshot.work
    peak = max((v.peak_bytes for v in outcome.snapshot.workers.values()), default=0)
    lines = [
        f"{spec.name}: run {run.number} is complete"
        + (" (resumed)" if outcome.resumed else "")
        + f", {figures.count(run.plan.rows)} rows in {len(run.plan.tables)} tables",
        f"  time      {figures.duration(seconds['total'])}"
        f" (prepare {figures.duration(seconds['prepare'])},"
        f" load {figures.duration(seconds['load'])},"
        f" finalize {figures.duration(seconds['finalize'])},"
        f" publish {figures.duration(seconds['publish'])})",
        f"  speed     {figures.rate(_rate(outcome))} all in",
        f"  sent      {figures.size(work.copied_bytes)} to Postgres,"
        f" {figures.size(work.object_bytes)} to S3",
        f"  memory    {figures.size(peak)} at most in one of {outcome.workers} workers",
        f"  data      version {run.plan.data_version}, {run.plan.digest[:19]}…",
    ]
    if spec.postgres is not None:
        lines.append(f"  Postgres  schema {spec.postgres.schema}")
    if spec.parquet is not None:
        lines.append(f"  S3        s3://{spec.parquet.bucket}/{spec.parquet.prefix}TABLE/*.parquet")
    lines.extend(_next_steps(spec, source))
    print("\n".join(lines))


def _next_steps(spec: Spec, source: Source) -> list[str]:
    embedded = any(t is not None and t.embedded for t in (spec.postgres, spec.parquet))
    lines = []
    if embedded:
        lines.append(
            "The embedded servers are still up: `rowmill down` stops them, "
            '`eval "$(rowmill env)"` points psql and S3 tools at them.'
        )
    lines.append(f"Next: rowmill verify -f {source.label}")
    return lines
