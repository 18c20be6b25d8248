"""`validate`, `plan`, `schema`, `crd`: what can be said of a manifest without Arrow or drivers."""

from __future__ import annotations

import json
from pathlib import Path

from rowmill.cli.manifest_warnings import say_warnings
from rowmill.cli.sources import from_file, one_file
from rowmill.counting import counted
from rowmill.local.home.folder import rowmill_home
from rowmill.local.planning import chosen_workers, disk_demands, plan_for, planned
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec
from rowmill.terminal import figures
from rowmill.terminal.figures import short
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid


def validate(
    manifest: Path | None,
    file: Path | None,
    scale: str | None,
    seed: int | None,
    output: Output,
) -> None:
    """Say that a manifest is valid and what it holds; raises InvalidManifest otherwise."""
    source = from_file(one_file(manifest, file), scale, seed)
    spec = source.spec()
    warnings = say_warnings(source, spec)
    tables, rows = len(spec.dataset.tables), sum(t.rows for t in spec.dataset.tables)
    if output is Output.JSON:
        document: dict[str, object] = {"valid": True, "name": spec.name, "digest": spec.digest}
        document |= {"tables": tables, "rows": rows, "warnings": [w.as_json() for w in warnings]}
        print_json(document)
    else:
        say(
            f"{source.label} is valid: {spec.name}, {counted(tables, 'table')}, "
            f"{counted(rows, 'row')}"
        )


def plan(
    manifest: Path | None,
    file: Path | None,
    scale: str | None,
    seed: int | None,
    workers: int | None,
    batch_rows: int | None,
    output: Output,
) -> None:
    """Show the plan that a new run would freeze on this machine."""
    source = from_file(one_file(manifest, file), scale, seed)
    spec = source.spec()
    say_warnings(source, spec)
    if output is Output.JSON:
        print_json(planned(spec, workers, batch_rows))
        return
    frozen = plan_for(spec, workers=workers, batch_rows=batch_rows)
    _show(spec, frozen, chosen_workers(spec, workers))
    for demand in disk_demands(spec, frozen, rowmill_home()):
        say(f"Disk: {demand}.")


def schema() -> None:
    """Print the manifest's JSON Schema."""
    from rowmill.spec.crd.json_schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def crd() -> None:
    """Print the CustomResourceDefinition of an Experiment."""
    from rowmill.spec.crd.definition import crd_yaml

    print(crd_yaml(), end="")


def _show(spec: Spec, plan: Plan, workers: int) -> None:
    rows = [
        (
            layout.table,
            figures.count(layout.rows),
            figures.count(layout.row_bytes),
            figures.size(layout.rows * layout.row_bytes),
            figures.count(layout.batch_rows),
            figures.count(layout.batches),
            figures.count(layout.parts),
        )
        for layout in plan.tables
    ]
    batches, parts = sum(t.batches for t in plan.tables), sum(t.parts for t in plan.tables)
    whole = (figures.count(plan.rows), "", figures.size(plan.bytes), "")
    rows.append(("in all", *whole, figures.count(batches), figures.count(parts)))
    figured = ("rows", "B/row", "bytes", "batch", "batches", "parts")
    headings = [Heading("table"), *(Heading(name, right=True) for name in figured)]
    print_grid(Grid(headings, rows, f"{spec.name} ({short(plan.digest)})"))
    say(
        f"{counted(plan.shards, 'shard')} for {counted(workers, 'worker')}, "
        f"about {figures.size(plan.worker_bytes)} of memory each.\n"
        "Bytes are estimates of the rows before compression; a batch is in rows."
    )
