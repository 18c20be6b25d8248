"""Beside the `rowsPer` link: no parent twice among the rows of one of that link's parents."""

from __future__ import annotations

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.permutation import KeyedPermutation
from rowmill.generate.frame import Frame, Mask, Pick, Rows
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickDistinct


def _build(context: PickContext) -> Pick:
    key, table = context.key, context.table
    context.see_enough(table.children.max if table.children else table.rows, context.parents)
    permutation = KeyedPermutation(context.parents)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        family = frame.family
        return permutation.forward(bits(key, family.parents), family.places), None

    return pick


DISTINCT_PICKS = PickBuilder(PickDistinct, _build)
