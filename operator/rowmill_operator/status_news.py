"""What of a status is news to its readers, and what of that they should be told at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rowmill_operator.paces import PACE
from rowmill_operator.standing import timestamp

# What changes from poll to poll and may wait.
_PROGRESS = ("rows", "percent", *PACE, "lastUpdated", "shardsDone", "step")


def news(
    before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> dict[str, Any] | None:
    """The status to write, its run with the time of this change, or None if nothing changed.

    It is without what has no value, which the API server would refuse as null.
    """
    status = _timeless(after)
    if status == _timeless(before):
        return None
    if "run" in status:
        status["run"]["lastUpdated"] = timestamp(now)
    return status


def more_than_progress(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a reader should be told at once."""
    return _without_progress(before) != _without_progress(after)


def _without_progress(status: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in status.items() if name not in ("tables", "workers")}
    rest["run"] = {k: v for k, v in (rest.get("run") or {}).items() if k not in _PROGRESS}
    rest["conditions"] = [
        {k: v for k, v in condition.items() if k != "message"}
        for condition in rest.get("conditions") or ()
    ]
    return rest


def _timeless(status: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without the time of the last look."""
    plain: dict[str, Any] = _plain(status)
    if "run" in plain:
        plain["run"].pop("lastUpdated", None)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
