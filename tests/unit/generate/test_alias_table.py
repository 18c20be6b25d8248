"""Alias tables: exact shares of all 2**63 places, whatever the weights."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rowmill.generate.draws.alias import AliasTable
from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.exact_math import Floats

WEIGHTS = st.lists(
    st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-30, 1e30)), min_size=1, max_size=70
).filter(any)


@given(WEIGHTS)
def test_outcomes_have_their_weights_and_no_other_outcome_occurs(weights: list[float]) -> None:
    """All 2**64 draws are counted, by finding in each column where its outcome changes."""
    table = AliasTable(np.array(weights))
    exact = np.array(weights) / sum(weights)
    np.testing.assert_allclose(shares(table, len(weights)), exact, atol=1e-12)


def test_one_outcome() -> None:
    assert set(AliasTable(np.array([3.0])).draw(bits(1, np.arange(1000))).tolist()) == {0}


def test_outcomes_without_weight_never_occur() -> None:
    table = AliasTable(np.array([0.0, 1e-300, 0.0, 1.0, 0.0]))
    assert set(table.draw(bits(1, np.arange(100_000))).tolist()) == {3}


def test_equal_weights() -> None:
    drawn = AliasTable(np.ones(1024)).draw(np.arange(1024, dtype=np.uint64) << np.uint64(54))
    assert drawn.tolist() == list(range(1024))


def shares(table: AliasTable, outcomes: int) -> Floats:
    """Each outcome's share of the draws, by bisecting every column for where it changes."""
    columns = max(2, 1 << (outcomes - 1).bit_length())
    width = 2**64 // columns
    found = [0.0] * outcomes
    for column in range(columns):
        first, last = column * width, (column + 1) * width - 1
        outcome, other = _draw(table, first), _draw(table, last)
        low, high = first, last
        while outcome != other and high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _draw(table, middle) == outcome else (low, middle)
        kept = width if outcome == other else high - first
        found[outcome] += kept / 2**64
        found[other] += (width - kept) / 2**64
    return np.array(found)


def _draw(table: AliasTable, place: int) -> int:
    return int(table.draw(np.array([place], dtype=np.uint64))[0])
