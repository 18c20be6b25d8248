"""Cells of the kind `gamma`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.continuous import continuous_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.exact_math import exp, expm1
from rowmill.generate.draws.quantiles import QuantileTable, quantile_table
from rowmill.generate.draws.shapes import Scale, as_float, natural_log
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Gamma


def _build(context: Context) -> Cells:
    """A gamma distribution, truncated."""
    kind = context.column.kind
    assert isinstance(kind, Gamma)
    return continuous_cells(
        context, kind, Fraction(0), lambda scale: _table(kind.shape, kind.scale, scale)
    )


def _table(shape: float, spread: float, scale: Scale) -> QuantileTable:
    """The quantile table in y = log(x), where the density is smooth and log-concave everywhere.

    With d from the middle it is exp(shape x (d - m x (e**d - 1))): the middle is m x shape x
    spread, where most lie (m = 1) or the nearest end of the interval.
    """
    positive = scale.low if scale.low is not None and scale.low > 0 else None
    logs = Scale(
        None if positive is None else natural_log(positive),
        None if scale.high is None else natural_log(scale.high),
    )
    centre = natural_log(Fraction(shape) * Fraction(spread))
    middle = logs.nearest(centre)
    times = float(exp(np.array([as_float(middle - centre)]))[0])
    at_middle = as_float(middle - natural_log(scale.unit))
    shift = as_float(scale.origin / scale.unit)
    return quantile_table(
        lambda d: shape * (d - times * expm1(d)),
        *logs.span(middle, Fraction(1)),
        lambda d: scale.clipped(exp(at_middle + d) - shift),
    )


GAMMA_CELLS = CellBuilder(Gamma, {1: _build})
