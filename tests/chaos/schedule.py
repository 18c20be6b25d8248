"""A fault schedule: from a seed, which destinations, how large, which faults and when.

There are two kinds: any faults, and crashes of Postgres that take what it had committed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """One thing that goes wrong."""

    KILL_WORKER = "kill a worker"
    KILL_SUPERVISOR = "kill the supervisor"
    INTERRUPT = "interrupt the supervisor"
    TERMINATE_BACKENDS = "terminate Postgres backends"
    RESTART_POSTGRES = "kill and restart Postgres"
    RESTART_S3 = "kill and restart the S3 server"
    CUT_S3 = "cut S3 connections"
    SLOW_S3 = "slow S3"
    S3_500 = "S3 answers 500"
    S3_503 = "S3 answers 503"
    RACE = "a second run at the same time"
    ABORT = "abort"
    HANG_UP = "close the terminal of the command"
    OTHER_HOME = "a second run from another home"
    RESTART_SERVERS = "stop and start the embedded servers"
    CRASH_POSTGRES = "crash Postgres with its memory"
    CRASH_ALL = "crash Postgres with its memory, and the workers"
    CRASH_AT_END = "crash Postgres with its memory once all batches were read as durable"


# Those that the schedules of runs that outlive their terminal have besides.
_DETACHED = (Fault.HANG_UP, Fault.OTHER_HOME, Fault.RESTART_SERVERS, Fault.KILL_SUPERVISOR)
_POSTGRES = {Fault.TERMINATE_BACKENDS, Fault.RESTART_POSTGRES}
_NEWER = {Fault.HANG_UP, Fault.OTHER_HOME, Fault.RESTART_SERVERS}
_CRASHES = (Fault.CRASH_POSTGRES, Fault.CRASH_ALL)
_S3 = {Fault.CUT_S3, Fault.SLOW_S3, Fault.S3_500, Fault.S3_503, Fault.RESTART_S3}
# Restarting a server takes seconds: rare enough to keep the median schedule short.
_WEIGHTS = {Fault.RESTART_POSTGRES: 1, Fault.RESTART_S3: 1, Fault.ABORT: 2}
_USUAL_WEIGHT = 4


@dataclass(frozen=True)
class Schedule:
    """What one round does.

    Times of the faults are seconds after a run command begins; crashes fall once so many batches of
    a run are committed, or from then on at the end of its load. A `detached` run outlives the
    command that begins it.
    """

    seed: int
    postgres: bool
    parquet: bool
    rows: int
    batch_rows: int
    workers: int
    replaces: bool
    faults: tuple[tuple[float, Fault], ...]
    detached: bool = False
    crashes: tuple[tuple[int, Fault], ...] = ()

    def __str__(self) -> str:
        where = "+".join(n for n, on in (("pg", self.postgres), ("s3", self.parquet)) if on)
        faults = ", ".join(
            [f"{at:.1f} s {fault}" for at, fault in self.faults]
            + [f"after {count} batches {fault}" for count, fault in self.crashes]
        )
        again = " over an earlier run" if self.replaces else ""
        detached = ", detached" if self.detached else ""
        return (
            f"seed {self.seed}: {where}, {self.rows} rows in batches of {self.batch_rows}, "
            f"{self.workers} workers{again}{detached}; {faults}"
        )


def schedule(seed: int) -> Schedule:
    """The schedule of a seed, the same for ever."""
    chance = random.Random(seed)
    postgres, parquet = chance.choice([(True, True), (True, True), (True, False), (False, True)])
    possible = [
        fault
        for fault in Fault
        if fault not in _CRASHES
        and fault not in _NEWER
        and (postgres or fault not in _POSTGRES)
        and (parquet or fault not in _S3)
    ]
    weights = [_WEIGHTS.get(fault, _USUAL_WEIGHT) for fault in possible]
    count = chance.choice([1, 1, 2, 3])
    faults = chance.choices(possible, weights, k=count)
    # A stream of its own, so that the rest of a seed's schedule stays what it was.
    own = random.Random(f"detached {seed}")
    detached = own.random() < 0.5
    besides = own.choices(_DETACHED, (4, 2, 1, 2), k=own.choice([1, 2])) if detached else []
    return Schedule(
        seed=seed,
        postgres=postgres,
        parquet=parquet,
        rows=chance.choice([3_000, 60_000, 300_000, 600_000]),
        batch_rows=chance.choice([1_000, 2_500, 10_000]),
        workers=chance.choice([1, 2, 2]),
        replaces=chance.random() < 0.4,
        # From before the first batch to about the publish of the larger ones.
        faults=tuple(
            sorted(
                [(round(chance.uniform(0.2, 2.5), 2), fault) for fault in faults]
                + [(round(own.uniform(0.2, 4.0), 2), fault) for fault in besides]
            )
        ),
        detached=detached,
    )


def crashes(seed: int) -> Schedule:
    """A schedule that takes from Postgres what it committed and had not on disk, amid a load.

    Small batches, for the more of them are to be lost.
    """
    chance = random.Random(f"crashes {seed}")
    rows, batch_rows = chance.choice([300_000, 600_000]), chance.choice([1_000, 2_500])
    moments = sorted(chance.uniform(0.01, 0.8) for _ in range(chance.choice([1, 1, 2])))
    falling = [chance.choice(_CRASHES) for _ in moments]
    if seed % 3 == 0:
        falling[-1] = Fault.CRASH_AT_END
    return Schedule(
        seed=seed,
        postgres=True,
        parquet=chance.random() < 0.5,
        rows=rows,
        batch_rows=batch_rows,
        workers=chance.choice([1, 2, 2]),
        replaces=chance.random() < 0.3,
        faults=(),
        crashes=tuple(
            (int(moment * rows / batch_rows), crash)
            for moment, crash in zip(moments, falling, strict=True)
        ),
    )
