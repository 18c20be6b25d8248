"""A table's reference to itself: roots, and below them each row under one of those before it."""

from __future__ import annotations

import numpy as np

from rowmill.generate.draws.bits import below_each, bits
from rowmill.generate.frame import Frame, Mask, Pick, Rows, Source
from rowmill.generate.picks.child_search import ChildSearch, scan
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickTree


def _build(context: PickContext) -> Pick:
    key, roots = context.key, _roots(context)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        below = frame.rows >= roots
        # A root draws from its own row alone: some row that exists.
        parents = below_each(bits(key, frame.rows), np.maximum(frame.rows, 1))
        return parents, None if below.all() else below

    return pick


def _children(context: PickContext, source: Source, parent: int) -> ChildSearch:
    """All of them stand behind their parent, and behind the roots."""
    rows = range(max(parent + 1, _roots(context)), context.table.rows)
    return scan(source, context.table.name, context.link.name, parent, rows)


def _roots(context: PickContext) -> int:
    pick = context.link.pick
    assert isinstance(pick, PickTree)
    return pick.roots


TREE_PICKS = PickBuilder(PickTree, _build, _children)
