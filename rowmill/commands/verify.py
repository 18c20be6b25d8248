"""`verify`: make all rows again, compare every destination with them, and say what differs."""

from __future__ import annotations

from rowmill.engine.interface import Engine
from rowmill.errors import Differs
from rowmill.terminal.failures import Answered
from rowmill.terminal.output import Output, print_json
from rowmill.views.verification import show_verification, verify_display


def verify(engine: Engine, name: str, workers: int | None, output: Output) -> None:
    """Verify the published run; exits with 1 if anything differs."""
    with verify_display() as show:
        found = engine.verify(name, threads=workers, on_progress=show)
    if output is Output.JSON:
        print_json(found.to_json())
    else:
        show_verification(found, engine.command("rerun", name))
    if not found.identical:
        raise Answered(Differs)


def verify_remotely(engine: Engine, name: str, output: Output) -> None:
    """As `verify`, where the engine has others do it, with as many threads as they have."""
    verify(engine, name, None, output)
