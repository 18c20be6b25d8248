"""Prepare a run whose number and plan somebody else chose: the operator of a cluster.

Nobody holds a lock while such a run is live: pods come in any number and order, twins among them,
and some of them late. What keeps them from harm, under the ledger's lock:

1. An owner key has one present uid, that of the Experiment that last began a run. A pod of an
   Experiment that has runs here, but is not the present one, is stale: its Experiment was deleted
   and applied again. (One that has none cannot be told from a new one. It had been deleted before
   its first pod came to prepare; that pod is sent SIGTERM, which it heeds before it prepares.)
2. Of one uid the highest number that was begun is the present run. A pod of a lower one is stale,
   whether its own run was ever begun or not.
3. A run is given up (ABORTED behind the fence, what it staged cleared away) before the one that
   replaces it is recorded. So a stale pod that was writing cannot commit any more, and one that
   comes between the two steps makes work that is cleared away when the replacing pod tries again.
4. A number belongs to one digest for good. Its plan is the one that the ledger has, whichever pod
   brought it first.
5. FINALIZING says that every batch and part was in the ledger, and while it lasts nothing takes
   them out again. So it is never turned back: a shard that finds it has nothing to do, a finalize
   that finds it goes on with the keys. A run that FAILED or was ABORTED becomes RUNNING again, and
   finalize then makes what is missing before it goes on.
6. A run that is PUBLISHING is rolled forward before any other may begin, by a pod of that other
   run or by its own finalize; its own shards leave it alone.
7. A repeat (the published run has this digest and data version, and all its data is there) records
   nothing and takes the owner key from nobody. It only ends unfinished runs that it replaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rowmill.destinations.errors import DestinationRefused, Fenced
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run, RunState
from rowmill.spec.cluster_names import RERUN
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.publish import roll_forward_all
from rowmill.worker.run_history import left_over, published_run, replacement, same_data
from rowmill.worker.start.carry_out import begin, discard, furnish, hold_targets, resume
from rowmill.worker.start.decide import Begin, Repeat
from rowmill.worker.start.observation import Known, adopted, data_version_for, intact, known
from rowmill.worker.start.prepared import Prepared

# States in which every batch and part of a run is durable.
LOADED = frozenset({RunState.FINALIZING, RunState.PUBLISHING, RunState.COMPLETED})
_ENDED = frozenset({RunState.FAILED, RunState.ABORTED})


@dataclass(frozen=True)
class Go:
    """The run is in the ledger and still the present one; `replaces` is as in `Begin`."""

    run: Run
    replaces: Run | None


@dataclass(frozen=True)
class NumberTaken:
    """The ledger has the number for another manifest."""

    run: Run


Choice = Go | NumberTaken | Repeat | Begin


def prepare_numbered(
    spec: Spec,
    destinations: Destinations,
    plan: Plan,
    *,
    uid: str,
    number: int,
    adopt: str | None,
    source: RunSource,
) -> Prepared:
    """Begin, take up or repeat run `number` of the Experiment `uid`; every pod's first act.

    The ledger is there and up to date (`Ledger.ensure`); the pod sees to that.

    Args:
        plan: frozen with the run if this is its first pod. Its data version was chosen by what is
            known outside; if the ledger has another, that holds, and the borders of the plan do.
        adopt: another owner whose targets may be taken over.
        source: the manifest that the spec came from, kept with a new run.

    Returns:
        The run as the ledger has it: RUNNING, or one of `LOADED`; or the published run that this
        one would only repeat.

    Raises:
        Fenced: a newer run, or an Experiment of the same name applied later, took its place.
        ImpossibleColumns: what no data can satisfy.
        DestinationRefused: a destination will not take this run.
    """
    ledger, owner = destinations.ledger, destinations.owner
    with ledger.locks.preparing(owner):
        ledger_view = known(ledger.runs, owner)
        if why := stale(ledger_view, uid, number):
            raise Fenced(f"run {number} of {owner} is not to go on: {why}")
        rolled_forward = roll_forward_all(
            _of_others(ledger_view.interrupted_publishes, uid, number), destinations, adopt
        )
        if rolled_forward:
            ledger_view = known(ledger.runs, owner)
        version = data_version_for(spec.at(plan.data_version), ledger_view.runs)
        choice = decide_numbered(ledger_view, uid, number, spec.digest, version)
        if isinstance(choice, Repeat) and not intact(choice.run, destinations):
            choice = choice.otherwise
        match choice:
            case NumberTaken():
                raise DestinationRefused("NumberTaken", _number_taken(number, owner))
            case Repeat(run=run, otherwise=Begin(close=close)):
                discard(close, destinations, by=number)
                return Prepared(run, repeat=True, rolled_forward=rolled_forward)
            case Go(run=run, replaces=replaces):
                run = _go_on(run, spec, destinations, adopt)
                return Prepared(
                    run,
                    resumed=True,
                    rolled_forward=rolled_forward,
                    replaces=replacement(replaces, run.plan, owner),
                )
            case Begin(close=close, replaces=replaces):
                plan = replace(plan, data_version=version)
                replaces = replaces or adopted(destinations, adopt)
                run = begin(
                    spec.at(version).dataset,
                    destinations,
                    plan,
                    uid=uid,
                    number=number,
                    close=close,
                    adopt=adopt,
                    source=source,
                )
                return Prepared(
                    run, rolled_forward=rolled_forward, replaces=replacement(replaces, plan, owner)
                )


def stale(ledger_view: Known, uid: str, number: int) -> str | None:
    """What took the place of run `number` of `uid`; None while it may go on. Pure."""
    if ledger_view.uid != uid:
        if uid not in ledger_view.uids:
            return None
        return (
            "another Experiment of this name began a run since: this one was deleted and applied "
            "again, or two clusters with one engineId write to this destination"
        )
    newest = ledger_view.runs[-1] if ledger_view.runs else None
    if newest is not None and newest.number > number:
        return f"run {newest.number} was begun since"
    if newest is not None and newest.number == number and newest.state is RunState.RESET:
        return "its data was removed"
    return None


def decide_numbered(
    ledger_view: Known, uid: str, number: int, digest: str, data_version: int
) -> Choice:
    """What a pod of run `number`, which is not stale, does by what the ledger knows; pure."""
    newest = ledger_view.runs[-1] if ledger_view.runs else None
    if newest is not None and (newest.uid, newest.number) == (uid, number):
        if newest.plan.digest != digest:
            return NumberTaken(newest)
        return Go(newest, published_run(ledger_view.runs[:-1]))
    published = published_run(ledger_view.runs)
    begin = Begin(number, left_over(ledger_view.runs), published)
    if published is not None and same_data(published, digest, data_version):
        return Repeat(published, begin)
    return begin


def _of_others(runs: Iterable[Run], uid: str, number: int) -> list[Run]:
    return [run for run in runs if (run.uid, run.number) != (uid, number)]


def _go_on(run: Run, spec: Spec, destinations: Destinations, adopt: str | None) -> Run:
    """The present run as it goes on: with its claims, pools and tables, or past needing them."""
    dataset = spec.at(run.plan.data_version).dataset
    try:
        if run.state in _ENDED:
            return resume(run, dataset, destinations, adopt, _ENDED)
        if run.state is not RunState.COMPLETED:
            hold_targets(run, dataset, destinations, adopt)
            if run.state not in LOADED:
                # The pod that began it may have died before it made the tables.
                furnish(run, dataset, destinations)
    except Fenced:
        # Finalize holds no lock of ours: it went on since the state was read.
        now = destinations.ledger.runs.find(run.id)
        if now is None or now.state not in LOADED:
            raise
        return now
    return run


def _number_taken(number: int, owner: str) -> str:
    return (
        f"the ledger has run {number} of {owner} already, with another manifest: "
        f"start the next number with the annotation {RERUN}"
    )
