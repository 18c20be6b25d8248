"""A fault schedule on a cluster: from a seed, what is run, which faults and when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """One thing that goes wrong."""

    KILL_WORKER = "kill -9 a worker"
    DELETE_WORKER = "force-delete a worker's pod"
    EVICT_WORKER = "evict a worker"
    STARVE_WORKER = "leave a worker no memory"
    KILL_OPERATOR = "kill -9 the operator"
    DELETE_OPERATOR = "delete the operator's pod"
    KILL_API_SERVER = "kill the API server"
    KILL_CONTROLLERS = "kill the controller manager"
    KILL_POSTGRES = "kill -9 Postgres"
    DELETE_POSTGRES = "delete Postgres's pod"
    KILL_S3 = "kill -9 the S3 server"
    DELETE_S3 = "delete the S3 server's pod"
    SUSPEND = "suspend and resume"


_WORKERS = (Fault.KILL_WORKER, Fault.DELETE_WORKER, Fault.EVICT_WORKER, Fault.STARVE_WORKER)
_OPERATOR = (Fault.KILL_OPERATOR, Fault.DELETE_OPERATOR)
# Kubernetes's own parts take up to a minute to find an API server that is back: now and then.
_CONTROL = (*_OPERATOR, Fault.KILL_API_SERVER)
_OTHERS = (Fault.KILL_CONTROLLERS, Fault.SUSPEND)
_POSTGRES = (Fault.KILL_POSTGRES, Fault.DELETE_POSTGRES)
_S3 = (Fault.KILL_S3, Fault.DELETE_S3)
# Kubernetes counts these and waits 10, 20, 40 s before the next pod of the same shard.
COUNTED = frozenset({Fault.KILL_WORKER, Fault.DELETE_WORKER, Fault.STARVE_WORKER})
# These last a while.
OUTAGES = frozenset({Fault.KILL_API_SERVER, Fault.KILL_CONTROLLERS, Fault.SUSPEND})
_MAY_COUNT = 2


@dataclass(frozen=True)
class Strike:
    """A fault, `at` seconds after the manifest was applied; an outage lasts some `seconds`.

    A `late` one falls so many seconds after the run's last step began, which publishes.
    """

    at: float
    fault: Fault
    seconds: float
    late: bool

    def __str__(self) -> str:
        late = " after the last step began" if self.late else ""
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:.1f} s{late} {self.fault}{lasting}"


@dataclass(frozen=True)
class Schedule:
    """What one round does."""

    seed: int
    postgres: bool
    parquet: bool
    rows: int
    batch_rows: int
    workers: int
    replaces: bool
    operators: int
    strikes: tuple[Strike, ...]

    def __str__(self) -> str:
        where = "+".join(n for n, on in (("pg", self.postgres), ("s3", self.parquet)) if on)
        again = " over an earlier run" if self.replaces else ""
        two = ", two operators" if self.operators > 1 else ""
        strikes = ", ".join(map(str, self.strikes))
        return (
            f"seed {self.seed}: {where}, {self.rows} rows in batches of {self.batch_rows}, "
            f"{self.workers} workers{again}{two}; {strikes}"
        )


def schedule(seed: int) -> Schedule:
    """The schedule of a seed, the same for ever."""
    chance = random.Random(seed)
    postgres, parquet = chance.choice([(True, True), (True, True), (True, False), (False, True)])
    servers = (*(_POSTGRES if postgres else ()), *(_S3 if parquet else ()))
    # Any three seeds in a row strike the workers, what steers them, and what they write to.
    kinds = (_WORKERS, _CONTROL, servers)[seed % 3]
    first = kinds[seed // 3 % len(kinds)]
    others = (*_WORKERS, *_OPERATOR, *servers, *_OTHERS)
    return Schedule(
        seed=seed,
        postgres=postgres,
        parquet=parquet,
        rows=chance.choice([100_000, 300_000, 500_000]),
        batch_rows=chance.choice([1_000, 2_500, 10_000]),
        workers=chance.choice([1, 2, 2, 3, 3]),
        replaces=chance.random() < 0.4,
        operators=2 if chance.random() < 0.25 else 1,
        strikes=_strikes(chance, first, others),
    )


def _strikes(
    chance: random.Random, first: Fault, possible: tuple[Fault, ...]
) -> tuple[Strike, ...]:
    faults = [first]
    for _ in range(chance.choice([0, 1, 1, 2])):
        full = sum(fault in COUNTED for fault in faults) == _MAY_COUNT
        struck = {*faults, *(COUNTED if full else ())}
        faults.append(chance.choice([fault for fault in possible if fault not in struck]))
    chance.shuffle(faults)
    # The last step takes no more memory than it begins with.
    late = faults[-1] is not Fault.STARVE_WORKER and chance.random() < 0.4
    # From before the first pod to when the smallest of these runs may be over.
    times = sorted(chance.uniform(0.5, 9.0) for _ in faults)
    if late:
        times[-1] = chance.uniform(0.0, 5.0)
    return tuple(
        Strike(
            at=round(at, 1),
            fault=fault,
            seconds=round(chance.uniform(1.5, 5.0), 1) if fault in OUTAGES else 0.0,
            late=late and order == len(faults),
        )
        for order, (at, fault) in enumerate(zip(times, faults, strict=True), 1)
    )
