"""`status` and `runs`: what the operator has written into the status of Experiments."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster
from rowmill.terminal import figures
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid
from rowmill.views.runs import show_runs, show_tables, show_whole

_ALL_HEADINGS = [
    Heading("experiment"),
    Heading("run", right=True),
    Heading("phase"),
    *(Heading(name, right=True) for name in ("rows", "of", "%", "rate", "ETA")),
    Heading("message", note=True),
]


def status(cluster: Cluster, name: str | None, output: Output) -> None:
    """Show the newest run table by table, or without NAME each Experiment in a line."""
    if name is None:
        found = _all(cluster)
        if output is Output.JSON:
            print_json([each.document() for each in found])
        else:
            _show_all(found)
        return
    experiment = Experiment(cluster.experiment(name))
    if output is Output.JSON:
        print_json(experiment.document())
    else:
        show(experiment)


def runs(cluster: Cluster, name: str | None, output: Output) -> None:
    """List the runs of one Experiment, or of all of the namespace."""
    chosen = [Experiment(cluster.experiment(name))] if name is not None else _all(cluster)
    found = [run for experiment in chosen for run in experiment.runs()]
    if output is Output.JSON:
        print_json([run.to_json() for run in found])
    else:
        show_runs(found, cluster.now())


def show(experiment: Experiment) -> None:
    """Print the newest run, table by table, and what it does or waits for."""
    number = f", run {experiment.number}" if experiment.begun else ""
    progress = experiment.progress
    show_tables(progress, f"{experiment.namespace}/{experiment.name}{number}: {experiment.phase}")
    if experiment.begun:
        show_whole(progress)
    if experiment.message:
        say(f"{experiment.reason}: {experiment.message}")


def _all(cluster: Cluster) -> list[Experiment]:
    return [Experiment(raw) for raw in cluster.experiments()]


def _show_all(found: Sequence[Experiment]) -> None:
    if not found:
        say("no Experiments in this namespace")
        return
    rows = [_one_of_all(each) for each in found]
    print_grid(Grid(_ALL_HEADINGS, rows))


def _one_of_all(each: Experiment) -> tuple[str, ...]:
    progress = each.overall
    speed, eta = progress.rows_per_second, progress.eta_seconds
    return (
        each.name,
        str(each.number) if each.begun else "",
        each.phase,
        figures.count(progress.run.rows) if each.begun else "",
        figures.count(progress.run.rows_total or 0) if each.begun else "",
        str(progress.percent) if each.begun else "",
        figures.rate(speed) if speed is not None else "",
        figures.duration(eta) if eta is not None else "",
        each.message,
    )
