"""Records as JSON and back, by their fields: names in camelCase, times in UTC as Kubernetes has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def to_json(record: DataclassInstance) -> dict[str, Any]:
    """The fields of a record: words, numbers, states, times, records, and tuples of these."""
    return {key: _plain(getattr(record, name)) for name, key, _ in _fields(type(record))}


def from_json(kind: type[R], data: Mapping[str, Any]) -> R:
    """The record of which `data` tells; a key that is absent or null leaves a field's default.

    A time that cannot be read, or is of no zone, is None.

    Raises:
        TypeError: a field that has no default is not told.
        ValueError: a state is none.
    """
    values = {}
    for name, key, read in _fields(kind):
        value = data.get(key)
        if value is not None:
            values[name] = value if read is None else read(value)
    return kind(**values)


def time_to_json(time: datetime) -> str:
    """An aware time, as `2026-01-02T03:04:05Z`."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def time_from_json(text: str | None) -> datetime | None:
    """The time; None if none is told, it cannot be read, or it is of no zone."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


# Types are worked out once: of a namespace's Experiments there are thousands of records to read.
@cache
def _fields(
    kind: type[DataclassInstance],
) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
    """Of each field its name, its key, and what reads its value; None if it is as in the JSON."""
    types = get_type_hints(kind)
    return tuple((f.name, camel(f.name), _reader(types[f.name])) for f in fields(kind))


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    if kind == datetime | None:
        return time_from_json
    for one in get_args(kind):
        if isinstance(one, type) and is_dataclass(one):
            return partial(from_json, one)
    return kind if isinstance(kind, type) and issubclass(kind, Enum) else None


def camel(name: str) -> str:
    """The key of a field in JSON."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return time_to_json(value) if isinstance(value, datetime) else value
