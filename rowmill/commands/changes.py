"""`abort`, `suspend`, `resume` and `rerun`: what a person asks of a run."""

from __future__ import annotations

from rowmill.commands.consent import agreed, consent_of
from rowmill.commands.going_on import how_to_go_on
from rowmill.commands.watching import seconds, watch_to_its_end
from rowmill.engine.interface import Engine
from rowmill.engine.records import RunRecord, State
from rowmill.terminal.prose import say

_AT_REST = frozenset({State.ABORTED, State.SUSPENDED})


def abort(engine: Engine, name: str) -> None:
    """End the run under way, or one that failed or lost its process."""
    _report(engine, engine.abort(name), name, "aborted")


def suspend(engine: Engine, name: str) -> None:
    """Stop the run under way until it is resumed."""
    _report(engine, engine.suspend(name), name, "suspended")


def resume(engine: Engine, name: str, wait: bool, timeout: str | None) -> None:
    """Go on with a run that was stopped; with `wait` show it to its end, for `timeout` at most.

    Raises:
        UsageError, StillUnderWay, Answered: see `watching`.
    """
    longest = seconds(timeout, wait=wait)
    run = engine.resume(name)
    if run.state is State.COMPLETED:
        # Its publishing alone was left.
        say(f"{_named(name, run)} is complete")
    else:
        say(f"{_named(name, run)} is being resumed; what is durable is not made again")
    if wait:
        watch_to_its_end(engine, name, timeout=longest)


def rerun(engine: Engine, name: str, restart: bool, wait: bool, timeout: str | None) -> None:
    """Begin the next run; with `wait` show it to its end, for `timeout` at most; raises so too.

    Asks before what is unfinished is dropped, unless `restart` says that it may be.
    """
    longest = seconds(timeout, wait=wait)
    run = agreed(
        lambda consent: engine.rerun(name, restart=consent.restart, agreed=consent.replaced),
        consent_of(restart=restart),
    )
    if run.state is State.SUSPENDED:
        resume = engine.command("resume", name)
        say(f"the next run of {name} starts when it is resumed: `{resume}`")
    else:
        say(f"the next run of {name} starts; until it is published readers keep what they have")
    if wait:
        watch_to_its_end(engine, name, timeout=longest)


def _report(engine: Engine, run: RunRecord, name: str, ended: str) -> None:
    being = "" if run.state in _AT_REST else "being "
    say(
        f"{_named(name, run)} is {being}{ended}; what is durable stays: "
        f"{how_to_go_on(engine, name)}"
    )


def _named(name: str, run: RunRecord) -> str:
    return name if run.number is None else f"run {run.number} of {name}"
