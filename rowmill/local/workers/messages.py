"""What supervisor and worker processes say to each other over their pipe."""

from __future__ import annotations

from dataclasses import dataclass

from rowmill.destinations.patience import Wait
from rowmill.errors import RowmillError
from rowmill.plan.runs import Run
from rowmill.worker.tally import TableProgress, Vitals


@dataclass(frozen=True)
class RunShards:
    """To a worker: make what is missing of this shard, then of those that it asks for."""

    run: Run
    shard: int


@dataclass(frozen=True)
class NextShard:
    """To a worker that asked: the shard to go on with, None if there is none."""

    shard: int | None


@dataclass(frozen=True)
class RunFinalize:
    """To a worker: finalize and publish the run, over at most so many connections to Postgres."""

    run: Run
    connections: int


@dataclass(frozen=True)
class Stop:
    """To a worker: end what you do at the next batch or step."""


Command = RunShards | NextShard | RunFinalize | Stop


@dataclass(frozen=True)
class Progress:
    """From a worker: all it did since it started, by table."""

    tables: dict[str, TableProgress]
    vitals: Vitals


@dataclass(frozen=True)
class ShardWanted:
    """From a worker: the last batches of its shards are made and on their way, which one is next?

    It waits for a `NextShard`.
    """


@dataclass(frozen=True)
class Step:
    """From a worker that finalizes: the step that begins."""

    label: str


@dataclass(frozen=True)
class Waits:
    """From a worker: it waits for a server, or no more."""

    wait: Wait


@dataclass(frozen=True)
class Ended:
    """From a worker: the command ended, by its `error` unless all of it is done."""

    error: RowmillError | None = None


Report = Progress | ShardWanted | Step | Waits | Ended
