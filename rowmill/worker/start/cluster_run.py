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

from dataclasses import replace

from rowmill.destinations.errors import DestinationRefused, Fenced, RunReset
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.spec.cluster_names import RERUN
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.start.carry_out import RunRequest, carry_out, complete_interrupted
from rowmill.worker.start.decide import (
    NumberTaken,
    data_version_for,
    decide_numbered,
    stale,
    was_reset,
)
from rowmill.worker.start.observe import observe
from rowmill.worker.start.prepared import Prepared


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
    """Begin, resume or repeat run `number` of the Experiment `uid`; every pod's first act.

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
        RunReset: its data was removed.
        ImpossibleColumns: what no data can satisfy.
        DestinationRefused: a destination will not take this run.
    """
    owner = destinations.owner
    with destinations.ledger.locks.preparing(owner):
        observed = observe(destinations, adopt)
        if why := stale(observed.ledger, uid, number):
            raise Fenced(f"run {number} of {owner} is not to go on: {why}")
        if was_reset(observed.ledger, uid, number):
            raise RunReset(f"run {number} of {owner} is not to go on: its data was removed")
        observed = complete_interrupted(observed, destinations, adopt, but=(uid, number))
        version = data_version_for(spec.at(plan.data_version), observed.ledger.runs)
        decision = decide_numbered(observed, uid, number, spec.digest, version)
        if isinstance(decision, NumberTaken):
            raise DestinationRefused("NumberTaken", _number_taken(number, owner))
        frozen = replace(plan, data_version=version)
        request = RunRequest(spec, lambda: frozen, uid=uid, adopt=adopt, source=source)
        return carry_out(decision, request, destinations, observed)


def _number_taken(number: int, owner: str) -> str:
    return (
        f"the ledger has run {number} of {owner} already, with another manifest: "
        f"start the next number with the annotation {RERUN}"
    )
