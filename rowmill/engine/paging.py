"""A page of a list of experiments: the same cut for both engines."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.engine.records import ExperimentRecord, Page, State


def paged(
    found: Iterable[ExperimentRecord], state: State | None, after: str | None, limit: int | None
) -> Page[ExperimentRecord]:
    """The page of experiments, given by name, behind the name `after`.

    Args:
        found: read no further than the page needs.
        state: of the newest run; None for any.
        after: the last name of the page before, None for the first page.
        limit: so many at most; None for all.
    """
    items: list[ExperimentRecord] = []
    for each in found:
        if (after is not None and each.name <= after) or state not in (None, each.newest.run.state):
            continue
        if limit is not None and len(items) == limit:
            return Page(tuple(items), items[-1].name if items else after)
        items.append(each)
    return Page(tuple(items))
