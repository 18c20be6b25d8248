"""Records as JSON and back, by their fields: names in camelCase, times in UTC as Kubernetes has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def to_json(record: DataclassInstance) -> dict[str, Any]:
    """The fields of a flat record: words, numbers, states and times."""
    return {_camel(f.name): _plain(getattr(record, f.name)) for f in fields(record)}


def from_json(kind: type[R], data: Mapping[str, Any]) -> R:
    """The record of which `data` tells; a key that is absent or null leaves a field's default.

    Raises:
        TypeError: a field that has no default is not told.
        ValueError: a state or a time is none.
    """
    types = get_type_hints(kind)
    told = {f.name: data.get(_camel(f.name)) for f in fields(kind)}
    return kind(**{name: _made(types[name], v) for name, v in told.items() if v is not None})


def time_to_json(time: datetime) -> str:
    """An aware time, as `2026-01-02T03:04:05Z`."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return time_to_json(value) if isinstance(value, datetime) else value


def _made(kind: Any, value: Any) -> Any:
    if kind == datetime | None:
        return datetime.fromisoformat(value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value
