"""What the bucket says of its own: the claim on a prefix, the published run, the one to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset

T = TypeVar("T")


@dataclass(frozen=True)
class Claim:
    """`owner.json`: whose the prefix is; `adopted` are former owners whose objects are now his."""

    owner: str
    adopted: tuple[str, ...]

    @property
    def owners(self) -> frozenset[str]:
        return frozenset((self.owner, *self.adopted))

    def by(self, owner: str, adopt: str | None) -> Claim:
        """The claim after `owner` took over, from the former owner and from `adopt`."""
        former = [*self.adopted, self.owner, *([adopt] if adopt else [])]
        return Claim(owner, tuple(dict.fromkeys(name for name in former if name != owner)))

    def handed_back(self, to: Collection[str]) -> Claim | None:
        """The claim of the latest of the `adopted` who are among `to`, as it was; None if none."""
        places = [place for place, name in enumerate(self.adopted) if name in to]
        return Claim(self.adopted[places[-1]], self.adopted[: places[-1]]) if places else None


@dataclass(frozen=True)
class Current:
    """`current.json`: the run that readers are to see; its record is beside it."""

    run: str
    number: int
    owner: str
    uid: str
    digest: str
    data_version: int
    record: str
    published_at: str


@dataclass(frozen=True)
class StoredPart:
    """A published object: rows [start, stop) of its table, `sha256` of its bytes."""

    table: str
    number: int
    key: str
    start: int
    stop: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PublishedRecord:
    """`run-ID.json`: all there is to know of a published run without a ledger.

    `schema` is per table the columns, keys and references; `summary` the ledger's at the time.
    """

    run: str
    number: int
    owner: str
    uid: str
    plan: Plan
    schema: dict[str, Any]
    summary: dict[str, Any]
    parts: tuple[StoredPart, ...]

    def keys(self) -> frozenset[str]:
        return frozenset(part.key for part in self.parts)

    @property
    def rows(self) -> int:
        return sum(part.stop - part.start for part in self.parts)


def record_of(run: Run, dataset: Dataset, parts: Iterable[PendingPart]) -> PublishedRecord:
    """The record of a run whose every part is complete.

    Raises:
        DestinationRefused: as `refuse_unplanned` does.
    """
    given = list(parts)
    refuse_unplanned(run, given)
    by_number = {(part.table, part.number): part for part in given}
    stored = [(part, by_number[part.table, part.number]) for part in run.plan.parts()]
    return PublishedRecord(
        run=run.id,
        number=run.number,
        owner=run.owner,
        uid=run.uid,
        plan=run.plan,
        schema=_schema(dataset),
        summary=run.summary,
        parts=tuple(
            StoredPart(p.table, p.number, q.key, p.start, p.stop, q.bytes, q.sha256)
            for p, q in stored
        ),
    )


def refuse_unplanned(run: Run, parts: Iterable[PendingPart]) -> None:
    """Refuse parts of a run that are not exactly those of its plan.

    Raises:
        DestinationRefused: PartsUnplanned.
    """
    given = {(part.table, part.number): part.rows for part in parts}
    planned = {(part.table, part.number): part.rows for part in run.plan.parts()}
    wrong = [key for key in (planned | given) if planned.get(key) != given.get(key)]
    if not wrong:
        return
    table, number = wrong[0]
    recorded, wanted = (
        "none" if rows is None else counted(rows, "row")
        for rows in (given.get(wrong[0]), planned.get(wrong[0]))
    )
    raise DestinationRefused(
        "PartsUnplanned",
        f"run {run.number} of {run.owner} cannot be published: the ledger's parts are not those "
        f"of its plan. Part {number} of {table} has {recorded} there, in the plan {wanted}. "
        "Somebody changed the ledger, or another release went on with the run. Remove its data "
        f"(`rowmill reset {run.owner.rpartition('/')[2]}`; on a cluster delete the Experiment), "
        "then run again",
    )


def current_of(run: Run, record_name: str) -> Current:
    """What `current.json` says once the run is published, which is now."""
    return Current(
        run=run.id,
        number=run.number,
        owner=run.owner,
        uid=run.uid,
        digest=run.plan.digest,
        data_version=run.plan.data_version,
        record=record_name,
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def dump(record: Claim | Current | PublishedRecord) -> bytes:
    """The record as JSON."""
    fields = asdict(record)
    if isinstance(record, PublishedRecord):
        fields["plan"] = record.plan.to_json()
    return json.dumps(fields, ensure_ascii=False).encode()


def read_claim(body: bytes, url: str) -> Claim:
    """The claim that an object holds; DestinationRefused if it is none."""
    return read_json(body, url, lambda data: Claim(data["owner"], tuple(data["adopted"])))


def read_current(body: bytes, url: str) -> Current:
    """The `current.json` that an object holds; DestinationRefused if it is none."""
    return read_json(body, url, lambda data: Current(**_fields(Current, data)))


def read_record(body: bytes, url: str) -> PublishedRecord:
    """The run's record that an object holds; DestinationRefused if it is none."""

    def make(data: dict[str, Any]) -> PublishedRecord:
        fields = _fields(PublishedRecord, data)
        fields["plan"] = Plan.from_json(data["plan"])
        fields["parts"] = tuple(StoredPart(**part) for part in data["parts"])
        return PublishedRecord(**fields)

    return read_json(body, url, make)


def read_json(body: bytes, url: str, make: Callable[[Any], T]) -> T:
    """What `make` makes of a record's JSON; DestinationRefused if it was spoilt."""
    try:
        return make(json.loads(body))
    except (ValueError, KeyError, TypeError):
        raise DestinationRefused(
            "RecordUnreadable",
            f"{url} is not what Rowmill wrote there; restore it or, if it is not needed, delete it",
        ) from None


def _fields(kind: type[Current] | type[PublishedRecord], data: dict[str, Any]) -> dict[str, Any]:
    # By name, so that a later version may add a field without stopping this one from reading.
    return {name: data[name] for name in kind.__dataclass_fields__}


def _schema(dataset: Dataset) -> dict[str, Any]:
    return {
        table.name: {
            "columns": [
                {"name": c.name, "type": c.type.sql, "nullable": c.nullable} for c in table.columns
            ],
            "primaryKey": list(table.primary_key),
            "unique": [list(key) for key in table.unique],
            "references": [
                {
                    "columns": list(link.columns),
                    "table": link.parent,
                    "parentColumns": list(link.parent_columns),
                }
                for link in table.links
            ],
        }
        for table in dataset.tables
    }
