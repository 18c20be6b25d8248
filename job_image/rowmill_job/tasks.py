"""What a pod does: one shard of a run, its finalize, or one of the tasks beside a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace

from rowmill.destinations.errors import Fenced
from rowmill.destinations.lake.records import StoredPart
from rowmill.plan.bundle import Bundle
from rowmill.plan.layout import Part
from rowmill.plan.pod_contract import DEFAULT_PARALLELISM, SHARD_INDEX
from rowmill.plan.pod_report import Published
from rowmill.plan.runs import Run
from rowmill.spec.cluster_names import FINALIZE, PURGE, RESET, SHARD, VERIFY
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.finalize import finalize
from rowmill.worker.remaining import Durable, remaining
from rowmill.worker.run_history import types_kept
from rowmill.worker.shard import Stopped, run_parts
from rowmill.worker.shard_context import ShardContext, shard_context_for
from rowmill.worker.shard_progress import ShardProgress
from rowmill.worker.start.carry_out import LOADED
from rowmill.worker.start.cluster_run import prepare_numbered
from rowmill.worker.start.prepared import Prepared
from rowmill_job.bundle import BundleRefused, source_of
from rowmill_job.metrics import measured
from rowmill_job.outcome import Outcome, done
from rowmill_job.pod import Pod, given, open_in_pod
from rowmill_job.removing import run_purge, run_reset


def run_shard(pod: Pod) -> Outcome:
    """Make all that the ledger lacks of this pod's shard.

    Raises:
        BundleRefused, InvalidManifest, ImpossibleColumns: the spec cannot be run.
        Stopped, Fenced, DestinationRefused, DestinationUnavailable: see worker/shard.py.
    """
    shard = pod.place.shard
    if shard is None:
        raise BundleRefused(
            "ShardUnknown", f"{SHARD_INDEX} is not set: a shard is an index of an Indexed Job"
        )
    bundle, spec = given(pod)
    with closing(open_in_pod(pod, bundle, spec)) as destinations:
        prepared = _prepare(pod, bundle, spec, destinations)
        run = prepared.run
        # A repeat goes by the plan of this run, whose shards the Job counts.
        plan = bundle.plan if prepared.repeat else run.plan
        # A ledger that had a plan already has its number of shards.
        parts = list(plan.shard(shard)) if shard < plan.shards else []
        progress = ShardProgress(plan, parts)
        pod.board.show(run.id, progress)
        if prepared.repeat:
            progress.all_done()
        elif run.state in LOADED:
            _confirm(run, destinations, progress, parts)
        else:
            _load(pod, run, spec, destinations, progress, parts)
        return done(f"all of the shard is in run {run.id}")


def run_finalize(pod: Pod) -> Outcome:
    """Compare the run with its plan, add keys and indexes, publish; raises as `run_shard`."""
    bundle, spec = given(pod)
    with closing(open_in_pod(pod, bundle, spec)) as destinations:
        prepared = _prepare(pod, bundle, spec, destinations)
        run = prepared.run
        progress = ShardProgress(run.plan, run.plan.parts())
        pod.board.show(run.id, progress)
        if not prepared.repeat:
            frozen = spec.at(run.plan.data_version)
            context = _context(pod, run, frozen, destinations, progress)
            finalize(
                context,
                run,
                frozen,
                destinations,
                pod.stop,
                pod.board,
                pod.board.step,
                connections=spec.parallelism or DEFAULT_PARALLELISM,
            )
        progress.all_done()
        what = "was published before with the same data" if prepared.repeat else "is published"
        return done(f"run {run.number} {what}", _published(prepared, destinations))


def run_verify(pod: Pod) -> Outcome:
    """Compare what the run published with its rows made again; see verifying.py."""
    # The driver that it reads tables with takes memory, which shards have better use for.
    from rowmill_job.verifying import verify_run

    return verify_run(pod)


TASKS: dict[str, Callable[[Pod], Outcome]] = {
    SHARD: run_shard,
    FINALIZE: run_finalize,
    PURGE: run_purge,
    RESET: run_reset,
    VERIFY: run_verify,
}


def _prepare(pod: Pod, bundle: Bundle, spec: Spec, destinations: Destinations) -> Prepared:
    if pod.stop.is_set():
        raise Stopped
    for notice in destinations.ledger.ensure():
        pod.say(notice)
    prepared = prepare_numbered(
        spec,
        destinations,
        bundle.plan,
        uid=bundle.uid,
        number=bundle.number,
        adopt=bundle.adopt,
        source=source_of(bundle),
    )
    for number in prepared.rolled_forward:
        pod.say(f"run {number} was cut while it was published; it is complete now")
    replaces = "" if prepared.replaces is None else f", replaces {prepared.replaces}"
    if prepared.replaces is not None and prepared.replaces.gone:
        replaces += f", of which these tables go: {prepared.replaces.gone_tables}"
    pod.say(
        f"run {prepared.run.number} ({prepared.run.id}): "
        + ("a repeat" if prepared.repeat else f"{prepared.run.state}{replaces}")
    )
    if kept := types_kept(prepared.run, spec):
        pod.say(f"{kept}; another rerun writes them anew")
    return prepared


def _load(
    pod: Pod,
    run: Run,
    spec: Spec,
    destinations: Destinations,
    progress: ShardProgress,
    parts: list[Part],
) -> None:
    context = _context(pod, run, spec, destinations, progress)
    pod.board.begin()
    try:
        run_parts(context, parts, pod.stop, pod.board)
    except Fenced:
        known = destinations.ledger.runs.find(run.id)
        if known is None or known.state not in LOADED:
            raise
        # Finalize began, for which a twin of this pod did the rest.
        _confirm(known, destinations, progress, parts)


def _confirm(
    run: Run, destinations: Destinations, progress: ShardProgress, parts: list[Part]
) -> None:
    """See that the ledger has all of the parts of a run that takes no more.

    Raises:
        Fenced: it has not.
    """
    held = destinations.durable(run)
    progress.read(held)
    if left := next(remaining(run.plan, parts, held), None):
        raise Fenced(
            f"run {run.number} is {run.state}, yet {left.part.table} part {left.part.number} is "
            "not all in the ledger: somebody changed the ledger"
        )


def _context(
    pod: Pod, run: Run, spec: Spec, destinations: Destinations, progress: ShardProgress
) -> ShardContext:
    context = measured(shard_context_for(run, spec, destinations), pod.board.metrics)

    def durable() -> Durable:
        held = destinations.settled(run)
        progress.read(held)
        return held

    return replace(context, durable=durable)


def _published(prepared: Prepared, destinations: Destinations) -> Published:
    run = prepared.run
    published = Published(
        run=run.id,
        repeat=prepared.repeat,
        data_version=run.plan.data_version,
        parquet_types=run.plan.parquet_types,
        tables={layout.table: layout.rows for layout in run.plan.tables},
    )
    record = destinations.lake.record(run.id) if destinations.lake is not None else None
    if record is None:
        return published
    return replace(
        published,
        objects=len(record.parts),
        bytes=sum(part.bytes for part in record.parts),
        checksum=_checksum(record.parts),
    )


def _checksum(parts: Iterable[StoredPart]) -> str:
    """`sha256:` of the objects' own SHA-256 in hex, each on a line, in the plan's order."""
    lines = "".join(f"{part.sha256}\n" for part in parts)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
