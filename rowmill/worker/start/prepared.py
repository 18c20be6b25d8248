"""What a start tells: how far unfinished runs came, what it is about to load, what it came to."""

from __future__ import annotations

from dataclasses import dataclass

from rowmill.plan.layout import Plan
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import Run
from rowmill.worker.remaining import Durable


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

    `discarded` are the unfinished runs whose work is cleared away first.
    """

    load: Staged
    discarded: tuple[Staged, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What prepare came to: the run, now RUNNING, or `repeat`: complete already, nothing to do.

    `suspended`: somebody had stopped it, and it goes on now. `rolled_forward` are the numbers of
    runs whose interrupted publishing was completed first, `replaces` is what readers see until the
    run is published.
    """

    run: Run
    resumed: bool = False
    suspended: bool = False
    repeat: bool = False
    rolled_forward: tuple[int, ...] = ()
    replaces: Replaced | None = None
