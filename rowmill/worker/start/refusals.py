"""Why a run does not start: what its user is to agree to, or to change, before it can."""

from __future__ import annotations

from datetime import UTC

from rowmill import errors
from rowmill.counting import counted
from rowmill.engine.consent import (
    WouldDrop,
    WouldReplace,
    dropped,
    unfinished_run,
    would_be_dropped,
)
from rowmill.engine.records import State
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run
from rowmill.worker.run_history import replacement
from rowmill.worker.run_options import options_of, run_again


class EditedManifest(WouldDrop):
    """The newest run is unfinished and of another spec: starting over would drop its work.

    `rows` are durable of it. The new run would be of `plan`; what it `replaces` besides is told if
    that has more rows. `options_alone`: the manifest is the same, its scale or seed are not.
    """

    def __init__(
        self,
        run: Run,
        rows: int,
        plan: Plan,
        replaces: Run | None,
        *,
        options_alone: bool = False,
    ) -> None:
        self.run = run
        state = _state(run)
        holds = f"{would_be_dropped(rows)}{_fewer(run, plan, replaces)}"
        options = options_of(run)
        if options_alone:
            how = f"with {options}" if options else "without --scale and --seed"
            super().__init__(
                "EditedManifest",
                f"run {run.number} is {state}, was started {how} and {holds}; resume it with: "
                f"{run_again(run)}, or add --restart to drop {dropped(rows)}",
            )
            return
        again = f" it with: {run_again(run)}" if options else ""
        super().__init__(
            "EditedManifest",
            f"run {run.number} is {state} with another manifest, that of "
            f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({run.plan.digest[:19]}...), and "
            f"{holds}; add --restart to drop {dropped(rows)}, or put the old manifest back to "
            f"resume{again}",
        )


def unfinished(run: Run, rows: int, plan: Plan, replaces: Run | None) -> WouldDrop:
    """The next run was asked for, and the newest is unfinished: its work would be dropped.

    `rows`, `plan` and `replaces` are as in `EditedManifest`.
    """
    name = run.owner.rpartition("/")[2]
    return unfinished_run(
        f"run {run.number} is {_state(run)}",
        rows,
        more=_fewer(run, plan, replaces),
        instead=f"go on with it: rowmill resume {name}",
    )


class FewerRows(WouldReplace):
    """Run `number`, of `plan`, would replace a `published` run of more rows: the user is to agree.

    `rolled_forward` is as in `Prepared`.
    """

    def __init__(
        self,
        published: Run,
        number: int,
        plan: Plan,
        owner: str,
        rolled_forward: tuple[int, ...],
    ) -> None:
        self.published = published
        self.rolled_forward = rolled_forward
        said = _would_replace(published, number, plan, owner)
        super().__init__("FewerRows", said, published.id)


class NoRunToResume(errors.Conflict):
    """A run was to be resumed and there is none; `rolled_forward` is as in `Prepared`."""

    def __init__(self, message: str, rolled_forward: tuple[int, ...] = ()) -> None:
        self.rolled_forward = rolled_forward
        super().__init__("NothingToResume", message)


def _state(run: Run) -> State:
    # Whoever starts a run holds the lock that its supervisor would hold.
    return State.of_ledger(run.state, abandoned=True, suspended=run.suspended)


def _fewer(run: Run, plan: Plan, replaces: Run | None) -> str:
    if replaces is None or plan.rows >= replaces.plan.rows:
        return ""
    return f", and {_would_replace(replaces, run.number + 1, plan, run.owner)}"


def _would_replace(published: Run, number: int, plan: Plan, owner: str) -> str:
    rows = counted(plan.rows, "row")
    return f"run {number}, of {rows}, would replace {replacement(published, plan, owner)}"
