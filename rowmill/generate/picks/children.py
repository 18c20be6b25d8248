"""The `rowsPer` link: so many consecutive rows a parent, by the table's exact children counts."""

from __future__ import annotations

import numpy as np

from rowmill.generate.frame import Pick, Source
from rowmill.generate.picks.child_search import ChildSearch, consecutive
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickChildren


def _build(context: PickContext) -> Pick:
    return lambda frame: (frame.family.parents, None)


def _children(context: PickContext, source: Source, parent: int) -> ChildSearch:
    first, count = source.children(context.table.name, np.array([parent], dtype=np.int64))
    return consecutive(int(first[0]), int(count[0]))


CHILDREN_PICKS = PickBuilder(PickChildren, _build, _children)
