"""`status` and `runs`: how far experiments are, and which runs they had."""

from __future__ import annotations

from rowmill.commands.going_on import how_to_go_on
from rowmill.commands.watching import watch_to_its_end
from rowmill.engine.interface import Engine
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Output, print_json
from rowmill.views.experiments import show_experiments
from rowmill.views.runs import show_progress, show_runs


def status(engine: Engine, name: str | None, watch: bool, output: Output) -> None:
    """Show the newest run of NAME table by table, with `watch` until it has ended.

    Without NAME show each experiment in a line.
    """
    if watch and name is None:
        raise UsageError("-w takes the NAME of one experiment")
    if name is None:
        _all(engine, output)
    elif watch:
        watch_to_its_end(engine, name, as_json=output is Output.JSON)
    else:
        progress = engine.status(name)
        if output is Output.JSON:
            print_json(progress.to_json())
        else:
            show_progress(progress, how_to_go_on(engine, name))


def runs(engine: Engine, name: str | None, output: Output) -> None:
    """List the runs of NAME, or of all experiments."""
    found = engine.runs(name)
    if output is Output.JSON:
        print_json([each.to_json() for each in found])
    else:
        show_runs(found, engine.now(), engine.place)


def _all(engine: Engine, output: Output) -> None:
    found = engine.list().items
    if output is Output.JSON:
        print_json([each.to_json() for each in found])
    else:
        show_experiments(found, engine.place)
