"""Parents by Zipf's law, the favourites scattered over their table."""

from __future__ import annotations

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.draws.zipf import zipf_ranks, zipf_table
from rowmill.generate.frame import Frame, Mask, Pick, Rows
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickZipf


def _build(context: PickContext) -> Pick:
    law = context.link.pick
    assert isinstance(law, PickZipf)
    key, parents = context.key, context.parents
    table, scattered = zipf_table(law.exponent, parents), Permutation(key, parents)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        ranks = zipf_ranks(bits(key, frame.rows), table)
        ranks -= 1
        return scattered.forward(ranks), None

    return pick


ZIPF_PICKS = PickBuilder(PickZipf, _build)
