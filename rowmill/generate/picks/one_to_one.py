"""Each parent at most once: the rows take the parents in a permuted order."""

from __future__ import annotations

import numpy as np

from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Pick, Source
from rowmill.generate.picks.child_search import ChildSearch, consecutive
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickOneToOne


def _build(context: PickContext) -> Pick:
    context.see_enough(context.table.rows, context.parents)
    each = Permutation(context.key, context.parents)
    return lambda frame: (each.forward(frame.rows), None)


def _children(context: PickContext, source: Source, parent: int) -> ChildSearch:
    each = Permutation(context.key, context.parents)
    row = int(each.inverse(np.array([parent], dtype=np.int64))[0])
    return consecutive(row, 1 if row < context.table.rows else 0)


ONE_TO_ONE_PICKS = PickBuilder(PickOneToOne, _build, _children)
