"""`status` and `runs`: what the operator has written into the status of Experiments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from rowmill.kubectl.cluster import Cluster
from rowmill.kubectl.experiment import Experiment
from rowmill.plan.pace import percent
from rowmill.plan.replacement import with_replaced
from rowmill.terminal import figures
from rowmill.terminal.console import PipeConsole, print_whole


def status(cluster: Cluster, name: str | None, *, as_json: bool) -> None:
    """Show the newest run table by table, or without NAME each Experiment in a line."""
    if name is None:
        found = _all(cluster)
        if as_json:
            print_json([each.document() for each in found])
        else:
            _show_all(found)
        return
    experiment = Experiment(cluster.experiment(name))
    if as_json:
        print_json(experiment.document())
    else:
        show(experiment)


def runs(cluster: Cluster, name: str | None, *, as_json: bool) -> None:
    """List the runs of one Experiment, or of all of the namespace."""
    chosen = [Experiment(cluster.experiment(name))] if name is not None else _all(cluster)
    found = [run for experiment in chosen for run in experiment.runs()]
    if as_json:
        print_json(found)
    else:
        _show_runs(found)


def show(experiment: Experiment) -> None:
    """Print the newest run, table by table, and what it does or waits for."""
    number = f", run {experiment.number}" if experiment.begun else ""
    title = f"{experiment.namespace}/{experiment.name}{number}: {experiment.phase}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("table")
    for heading in ("rows", "of", "%", "batches", "of"):
        table.add_column(heading, justify="right")
    for each in experiment.tables:
        table.add_row(
            Text(each["name"]),
            figures.count(each["rows"]),
            figures.count(each["rowsTotal"]),
            str(percent(each["rows"], each["rowsTotal"])),
            figures.count(each["batchesDone"]),
            figures.count(each["batches"]),
        )
    console = PipeConsole()
    console.print(table)
    if experiment.begun:
        done = figures.durable(experiment.rows, experiment.rows_total)
        console.print(f"{done} ({experiment.percent} %)")
    if experiment.message:
        console.print(Text(f"{experiment.reason}: {experiment.message}"))


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False))


def _all(cluster: Cluster) -> list[Experiment]:
    return [Experiment(raw) for raw in cluster.experiments()]


def _show_all(found: Sequence[Experiment]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("experiment", "run", "phase", "rows", "of", "%", "rate", "ETA", "message"):
        right = heading in ("run", "rows", "of", "%", "rate", "ETA")
        table.add_column(heading, justify="right" if right else "left")
    for each in found:
        speed, eta = each.run.get("rowsPerSecond"), each.run.get("etaSeconds")
        table.add_row(
            Text(each.name),
            str(each.number) if each.begun else "",
            each.phase,
            figures.count(each.rows) if each.begun else "",
            figures.count(each.rows_total) if each.begun else "",
            str(each.percent) if each.begun else "",
            figures.rate(speed) if speed is not None else "",
            figures.duration(eta) if eta is not None else "",
            Text(each.message),
        )
    print_whole(table)


def _show_runs(found: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("experiment", "run", "state", "rows", "started", "took", "message"):
        table.add_column(name, justify="right" if name in ("run", "rows", "took") else "left")
    for run in found:
        started, ended = _moment(run["startedAt"]), _moment(run["finishedAt"])
        took = (ended or datetime.now(UTC)) - started if started else None
        table.add_row(
            Text(run["name"]),
            str(run["run"]),
            run["state"],
            figures.count_of(run["rows"], run["rowsTotal"]),
            f"{started:%Y-%m-%d %H:%M}" if started else "",
            figures.duration(took.total_seconds() if took else None),
            Text(with_replaced(run["message"], run["replacedBy"])),
        )
    print_whole(table)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
