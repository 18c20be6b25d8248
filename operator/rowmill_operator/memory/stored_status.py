"""The status of an Experiment as the API server keeps it: read into its type, and written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rowmill.spec.manifest.status import MAX_CONDITIONS, MAX_HISTORY, ExperimentStatus
from rowmill_operator.model.run_condition import CONDITIONS
from rowmill_operator.model.run_in_status import remembered, shown_tables

_STATUS = TypeAdapter(ExperimentStatus)


def read_status(raw: object) -> ExperimentStatus:
    """What a status tells, empty if it is none.

    An operator of another release may have written it: fields that are none here are left out, and
    so is a value that is not what it would be here. Of a list that is longer than it would be here
    a part is read. All else is read.
    """
    try:
        return _bounded(_STATUS.validate_python(raw))
    except ValidationError as error:
        return read_status(_without(raw, _wrong_places(error)))


def status_json(status: ExperimentStatus) -> dict[str, Any]:
    """The form in which a status is written, without what has no value."""
    found: dict[str, Any] = _STATUS.dump_python(
        status, mode="json", by_alias=True, exclude_none=True
    )
    return found


def _bounded(status: ExperimentStatus) -> ExperimentStatus:
    """With lists as long as they may be written: of each what is needed most."""
    conditions, tables, history = status.conditions, status.tables, status.history
    if conditions is not None and len(conditions) > MAX_CONDITIONS:
        ordered = sorted(conditions, key=lambda condition: condition.type not in CONDITIONS)
        conditions = tuple(ordered[:MAX_CONDITIONS])
    if tables is not None:
        tables = shown_tables(tables)
    if history is not None and len(history) > MAX_HISTORY:
        history = remembered(history, MAX_HISTORY)
    return replace(status, conditions=conditions, tables=tables, history=history)


def _wrong_places(error: ValidationError) -> list[Sequence[int | str]]:
    """What cannot be read; of a mapping that lacks something, the whole mapping."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [one["loc"][:-1] if one["type"] == "missing" else one["loc"] for one in found]


def _without(value: Any, places: Sequence[Sequence[int | str]]) -> Any:
    """A copy of a JSON value without what is at these places; {} if that is all of it."""
    if () in places:
        return {}
    below: dict[int | str, list[Sequence[int | str]]] = {}
    for first, *rest in places:
        below.setdefault(first, []).append(tuple(rest))
    kept = {k: v for k, v in _members(value) if () not in below.get(k, ())}
    cut = {k: _without(v, below[k]) if k in below else v for k, v in kept.items()}
    return list(cut.values()) if isinstance(value, list) else cut


def _members(value: Any) -> list[tuple[Any, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else list(value.items())
