"""Prepare a run: decide what to do, claim the targets, make the staging tables and the pools.

It runs under the ledger's lock, once at a time, and every step of it can be repeated: whoever
prepares the same run again finds it prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from rowmill import errors
from rowmill.counting import counted
from rowmill.plan.layout import Plan
from rowmill.plan.replacement import Replaced
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.beginning import begin, give_up, intact, take_up
from rowmill.worker.decision import (
    Begin,
    Conflict,
    Decision,
    Mode,
    NothingToResume,
    Repeat,
    Resume,
    decide,
    replacement,
)
from rowmill.worker.destinations import Destinations
from rowmill.worker.publish import roll_forward
from rowmill.worker.reading import adopted
from rowmill.worker.remaining import Durable, rows_durable
from rowmill.worker.run_options import options_alone_differ, options_of, run_again


class EditedManifest(errors.Conflict):
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
        fewer = ""
        if replaces is not None and plan.rows < replaces.plan.rows:
            fewer = f", and {_would_replace(replaces, run.number + 1, plan, run.owner)}"
        holds = f"holds {counted(rows, 'row')} that would be dropped{fewer}"
        options = options_of(run)
        if options_alone:
            how = f"with {options}" if options else "without --scale and --seed"
            super().__init__(
                "EditedManifest",
                f"run {run.number} is {run.state}, was started {how} and {holds}; resume it with: "
                f"{run_again(run)}, or add --restart to drop them",
            )
            return
        again = f" it with: {run_again(run)}" if options else ""
        super().__init__(
            "EditedManifest",
            f"run {run.number} is {run.state} with another manifest, that of "
            f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({run.plan.digest[:19]}...), and "
            f"{holds}; add --restart to drop them, or put the old manifest back to resume{again}",
        )


class FewerRows(errors.Conflict):
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
        super().__init__("FewerRows", _would_replace(published, number, plan, owner))


class NoRunToResume(errors.Conflict):
    """`--resume` was asked for and there is nothing to resume."""

    def __init__(self, message: str) -> None:
        super().__init__("NoRunToResume", message)


@dataclass(frozen=True)
class Staged:
    """How far an unfinished run came: what is `durable` of its plan, and the bytes of its indexes.

    Keys and indexes are made once all tables are loaded, a table at a time.
    """

    plan: Plan
    durable: Durable
    index_bytes: int = 0


@dataclass(frozen=True)
class Ahead:
    """What is about to be loaded: all but what `load` has already.

    `given_up` are the unfinished runs whose work is cleared away first.
    """

    load: Staged
    given_up: tuple[Staged, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What prepare came to: the run, now RUNNING, or `repeat`: complete already, nothing to do.

    `rolled_forward` are the numbers of runs whose interrupted publishing was completed first,
    `replaces` is what readers see until the run is published.
    """

    run: Run
    resumed: bool = False
    repeat: bool = False
    rolled_forward: tuple[int, ...] = ()
    replaces: Replaced | None = None


def prepare(
    spec: Spec,
    destinations: Destinations,
    plan_of: Callable[[Spec], Plan],
    *,
    mode: Mode,
    adopt: str | None,
    source: RunSource,
    started_at: datetime | None = None,
    agreed: Collection[str] | None = None,
    admit: Callable[[Ahead], None] = lambda ahead: None,
) -> Prepared:
    """Take up, start or repeat a run of `spec`, by the data version that the ledger leads to.

    Args:
        plan_of: makes the plan of a new run from the spec by that version.
        adopt: another owner whose targets may be taken over.
        source: the manifest and overrides that the spec came from, kept with a new run.
        started_at: when a new run was asked for; None: now.
        agreed: ids of the published runs that a new one of fewer rows may replace; None: of all.
        admit: called before anything is begun; refuses what has no room, say, by raising.

    Raises:
        EditedManifest, FewerRows, NoRunToResume: see there.
        DestinationRefused: a destination will not take this run.
        InvalidManifest: the data version is the last run's, which refuses the manifest.
    """
    ledger = destinations.ledger
    ledger.ensure()
    with ledger.locks.preparing(destinations.owner):
        rolled = [r for r in ledger.runs.of(destinations.owner) if r.state is RunState.PUBLISHING]
        for run in rolled:
            roll_forward(run, destinations, adopt)
        numbers = tuple(run.number for run in rolled)
        runs = ledger.runs.of(destinations.owner)
        # Before there is a plan: widths, by which it is cut, belong to the version too.
        spec = spec.at(data_version_for(spec, runs))
        decision = _unless_gone(decide(runs, spec.digest, spec.data_version, mode), destinations)
        match decision:
            case Repeat(run=run):
                return Prepared(run, repeat=True, rolled_forward=numbers)
            case Resume(run=run, close=close, replaces=replaces):
                admit(_ahead(_staged(run, destinations), close, destinations))
                give_up(close, destinations, by=run.number)
                return Prepared(
                    take_up(run, spec, destinations, adopt),
                    resumed=True,
                    replaces=replacement(replaces, run.plan, run.owner),
                )
            case Begin(number=number, close=close, replaces=replaces):
                plan = plan_of(spec)
                replaces = replaces or adopted(destinations, adopt)
                if replaces is not None and _is_to_agree(replaces, plan, agreed):
                    raise FewerRows(replaces, number, plan, destinations.owner, numbers)
                admit(_ahead(_nothing_staged(plan, destinations), close, destinations))
                run = begin(
                    spec,
                    destinations,
                    plan,
                    uid=ledger.runs.uid(destinations.owner) or str(uuid4()),
                    number=number,
                    close=close,
                    adopt=adopt,
                    source=source,
                    started_at=started_at,
                )
                return Prepared(
                    run,
                    rolled_forward=numbers,
                    replaces=replacement(replaces, plan, destinations.owner),
                )
            case Conflict(run=run, replaces=replaces):
                raise EditedManifest(
                    run,
                    _batch_rows(run, destinations),
                    plan_of(spec),
                    replaces,
                    options_alone=options_alone_differ(run, source),
                )
            case NothingToResume(published=published):
                raise NoRunToResume(_nothing(published))


def _ahead(load: Staged, close: Iterable[Run], destinations: Destinations) -> Ahead:
    return Ahead(load, tuple(_staged(run, destinations) for run in close))


def _staged(run: Run, destinations: Destinations) -> Staged:
    return Staged(run.plan, destinations.durable(run), destinations.index_bytes(run))


def _nothing_staged(plan: Plan, destinations: Destinations) -> Staged:
    durable = Durable(
        None if destinations.warehouse is None else {},
        None if destinations.lake is None else frozenset(),
    )
    return Staged(plan, durable)


def data_version_for(spec: Spec, runs: Sequence[Run]) -> int:
    """The manifest's data version; without one that of the last run, so that upgrades change none.

    The first run of an experiment takes the default one.
    """
    if spec.pins_data_version or not runs:
        return spec.data_version
    return runs[-1].plan.data_version


def _unless_gone(decision: Decision, destinations: Destinations) -> Decision:
    if isinstance(decision, Repeat) and not intact(decision.run, destinations):
        return decision.otherwise
    return decision


def _is_to_agree(published: Run, plan: Plan, agreed: Collection[str] | None) -> bool:
    """Whether the user has to agree first that a run of `plan` replaces the `published` one."""
    return agreed is not None and published.id not in agreed and plan.rows < published.plan.rows


def _would_replace(published: Run, number: int, plan: Plan, owner: str) -> str:
    rows = counted(plan.rows, "row")
    return f"run {number}, of {rows}, would replace {replacement(published, plan, owner)}"


def _batch_rows(run: Run, destinations: Destinations) -> int:
    return sum(rows_durable(run.plan, destinations.durable(run)).values())


def _nothing(published: Run | None) -> str:
    if published is None:
        return "there is no run to resume; run without --resume to start one"
    return f"run {published.number} is complete: there is nothing to resume"
