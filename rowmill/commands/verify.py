"""`verify`: make all rows again, compare every destination with them, and say what differs."""

from __future__ import annotations

from rowmill.commands.waiting import only_waited_for
from rowmill.commands.watching import seconds
from rowmill.engine.interface import Engine
from rowmill.engine.verification import Verification
from rowmill.errors import Differs
from rowmill.terminal.failures import Answered
from rowmill.terminal.output import Output, print_json
from rowmill.views.verification import show_verification, verify_display


def verify(engine: Engine, name: str, workers: int | None, output: Output) -> None:
    """Verify the published run; exits with 1 if anything differs."""
    with verify_display() as show:
        found = engine.verify(name, threads=workers, on_progress=show)
    _tell(found, output, engine.command("rerun", name))


def verify_remotely(engine: Engine, name: str, timeout: str | None, output: Output) -> None:
    """As `verify`, where the engine has others do it, with as many threads as they have.

    For `timeout` at most: what was asked for goes on. Raises UsageError where it is no duration.
    """
    longest = seconds(timeout, wait=True)
    with only_waited_for("verify", name), verify_display() as show:
        found = engine.verify(name, on_progress=show, timeout=longest)
    _tell(found, output, engine.command("rerun", name))


def _tell(found: Verification, output: Output, rerun: str) -> None:
    if output is Output.JSON:
        print_json(found.to_json())
    else:
        show_verification(found, rerun)
    if not found.identical:
        raise Answered(Differs)
