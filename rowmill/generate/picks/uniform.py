"""Any parent, each as likely."""

from __future__ import annotations

from rowmill.generate.draws.bits import integers
from rowmill.generate.frame import Pick
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext
from rowmill.spec.dataset import PickUniform


def _build(context: PickContext) -> Pick:
    key, parents = context.key, context.parents
    return lambda frame: (integers(key, frame.rows, parents), None)


UNIFORM_PICKS = PickBuilder(PickUniform, _build)
