"""What a worker pod answers when it is asked for its progress, written and read in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rowmill.plan.intervals import Interval
from rowmill.plan.pod_json import (
    compact,
    read_amount,
    read_count,
    read_object,
    read_text,
)

# What is written of an answer, and read of it.
MOST_BYTES = 64 * 2**10
MOST_STEP_CHARACTERS = 200
MOST_NOTICE_CHARACTERS = 1_000
_MOST_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class TableProgress:
    """Durable `batches` of a table, as half-open intervals, and the `rows` that they hold.

    `batch_rows` is how many rows a batch has, None where the pod's image does not tell it.
    """

    name: str
    rows: int
    batches: tuple[Interval, ...]
    batch_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        size = {} if self.batch_rows is None else {"batchRows": self.batch_rows}
        return {"name": self.name, "rows": self.rows, **size, "batches": self.batches}

    @classmethod
    def from_json(cls, document: object) -> TableProgress:
        """What a pod says of a table.

        Raises:
            ValueError: no worker says so.
        """
        if not isinstance(document, Mapping):
            raise ValueError("no table")
        name = read_text(document.get("name"), _MOST_NAME_CHARACTERS)
        rows = read_count(document.get("rows", 0))
        batch_rows = read_count(document.get("batchRows"), least=1)
        if name is None or rows is None or (batch_rows is None and "batchRows" in document):
            raise ValueError("no table")
        return cls(name, rows, tuple(_intervals(document.get("batches"))), batch_rows)


@dataclass(frozen=True)
class PodProgress:
    """What a pod says of its work: durable `rows` and batches, and the rows that it makes a second.

    `step` is finalize's; `notice` the failure that it meets with tries, "" while it gets on. `run`
    is "" until the run is known; `shard` is None but of a shard.
    """

    rows: int
    rows_per_second: float
    step: str = ""
    notice: str = ""
    tables: tuple[TableProgress, ...] = ()
    run: str = ""
    task: str = ""
    shard: int | None = None

    @cached_property
    def batches(self) -> Mapping[str, tuple[Interval, ...]]:
        """Durable batches by table."""
        return {table.name: table.batches for table in self.tables}

    @cached_property
    def batch_rows(self) -> Mapping[str, int]:
        """How many rows a batch has, by table, as far as the pod tells it."""
        return {t.name: t.batch_rows for t in self.tables if t.batch_rows is not None}

    def text(self) -> bytes:
        """JSON of at most MOST_BYTES: the last tables are left out where not all have room."""
        head = replace(
            self,
            step=self.step[:MOST_STEP_CHARACTERS],
            notice=self.notice[:MOST_NOTICE_CHARACTERS],
            tables=(),
        )
        room = MOST_BYTES - len(compact(head.to_json()))
        return compact(replace(head, tables=tuple(_fitting(self.tables, room))).to_json())

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it, of whatever size."""
        return {
            "run": self.run,
            "task": self.task,
            "shard": self.shard,
            "rows": self.rows,
            "rowsPerSecond": self.rows_per_second,
            "step": self.step,
            "notice": self.notice,
            "tables": [table.to_json() for table in self.tables],
        }

    @classmethod
    def parse(cls, body: bytes) -> PodProgress | None:
        """What a pod answered, None if that is not what a worker answers."""
        return None if len(body) > MOST_BYTES else cls.from_json(read_object(body))

    @classmethod
    def from_json(cls, document: object) -> PodProgress | None:
        """What the JSON of an answer says, None if that is not what a worker says."""
        if not isinstance(document, Mapping):
            return None
        rows, rate = read_count(document.get("rows")), read_amount(document.get("rowsPerSecond"))
        tables = document.get("tables") or []
        if rows is None or rate is None or not isinstance(tables, list):
            return None
        try:
            known = tuple(TableProgress.from_json(table) for table in tables)
        except ValueError:
            return None
        return cls(
            rows=rows,
            rows_per_second=rate,
            step=read_text(document.get("step"), MOST_STEP_CHARACTERS) or "",
            notice=read_text(document.get("notice"), MOST_NOTICE_CHARACTERS) or "",
            tables=known,
            run=read_text(document.get("run"), _MOST_NAME_CHARACTERS) or "",
            task=read_text(document.get("task"), _MOST_NAME_CHARACTERS) or "",
            shard=read_count(document.get("shard")),
        )


def _fitting(tables: tuple[TableProgress, ...], room: int) -> Iterator[TableProgress]:
    for table in tables:
        room -= len(compact(table.to_json())) + len(",")
        if room < 0:
            return
        yield table


def _intervals(value: object) -> Iterator[Interval]:
    if not isinstance(value, list):
        raise ValueError("no intervals")
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("no interval")
        first, stop = (read_count(bound) for bound in pair)
        if first is None or stop is None or stop <= first:
            raise ValueError("no interval")
        yield first, stop
