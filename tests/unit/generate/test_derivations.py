"""Patterns of version 2: every branch, every count and every character is as likely as the next."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.rows import Generator
from rowmill.generate.text import pattern_layout
from rowmill.spec.kinds import Array, Pattern
from rowmill.spec.patterns.syntax import Alternatives, Chain, Characters, Node, parse
from tests.unit.generate.test_pattern_cells import PATTERNS
from tests.unit.generate.text_datasets import cells, column, dataset

ROWS = 20_000


def drawn(pattern: str, *, rows: int = ROWS) -> list[str]:
    found: list[str] = cells(Pattern(pattern), rows=rows, data_version=2).to_pylist()
    return found


def even(counts: list[int]) -> bool:
    """Whether counts are as even as chance: chi-square within five of its standard deviations."""
    return fits(counts, [Fraction(1, len(counts))] * len(counts))


def fits(counts: list[int], shares: list[Fraction]) -> bool:
    rows, freedom = sum(counts), len(counts) - 1
    expected = [float(share * rows) for share in shares]
    chi_square = sum((c - e) ** 2 / e for c, e in zip(counts, expected, strict=True))
    return bool(chi_square <= freedom + 5 * (2 * freedom) ** 0.5)


def chances(node: Node) -> dict[str, Fraction]:
    """Each string of a part of a pattern with its chance, as one reads it."""
    if isinstance(node, Characters):
        found = [chr(code) for low, high in node.ranges for code in range(low, high + 1)]
        return {char: Fraction(1, len(found)) for char in found}
    if isinstance(node, Chain):
        return chained([chances(item) for item in node.items])
    if isinstance(node, Alternatives):
        parts = [chances(item) for item in node.items]
    else:
        parts = [chained([chances(node.item)] * n) for n in range(node.min, node.max + 1)]
    total: defaultdict[str, Fraction] = defaultdict(Fraction)
    for part in parts:
        for text, chance in part.items():
            total[text] += chance / len(parts)
    return total


def chained(parts: list[dict[str, Fraction]]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {"": Fraction(1)}
    for part in parts:
        longer: defaultdict[str, Fraction] = defaultdict(Fraction)
        for text, chance in found.items():
            for more, share in part.items():
                longer[text + more] += chance * share
        found = longer
    return found


def test_every_count_of_a_repetition_is_as_likely() -> None:
    lengths = Counter(map(len, drawn("[a-z]{10,40}")))
    assert sorted(lengths) == list(range(10, 41))
    assert even(list(lengths.values()))


def test_a_short_branch_is_as_likely_as_a_long_one() -> None:
    shorter = sum(text == "a" for text in drawn("a|[b-z]{5}"))
    # Four standard deviations of 20,000 halves: 283.
    assert abs(shorter - ROWS // 2) < 283


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-c]{0,3}",
        "a?b?",
        "(a|a|b)(|c|c)",
        "x(ab|c{2,3}|(d|e){1,2})?",
        "(a{1,2}|b){1,2}-[0-1]",
        "((a|bc)?[xy]){0,2}",
        "(é|[α-γ]{1,2})?",
        "(a{0}b|c){2}",
    ],
)
@pytest.mark.parametrize("lines", [1, 20, 2**14])
def test_strings_have_the_chances_that_one_reads(
    pattern: str, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is made of tables, and whatever of choices."""
    monkeypatch.setattr(pattern_layout, "_LINES", lines)
    expected = chances(parse(pattern))
    found = Counter(drawn(pattern))
    assert found.keys() <= expected.keys()
    assert fits([found[text] for text in expected], list(expected.values()))


@given(PATTERNS, st.sampled_from([1, 2, 100, 2**14]))
@settings(max_examples=100, deadline=None)
def test_every_string_is_one_of_the_pattern(pattern: str, lines: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pattern_layout, "_LINES", lines)
        assert all(re.fullmatch(pattern, text) for text in drawn(pattern, rows=50))


def test_characters_are_even_and_independent_at_every_place() -> None:
    found = drawn("[a-j]{30}(x[a-j])?[a-j]{0,9}")
    for one, other in ((0, 1), (3, 4), (0, 29), (28, 29), (17, 18)):
        pairs = Counter(text[one] + text[other] for text in found)
        assert len(pairs) == 100
        assert even(list(pairs.values()))


def test_lengths_and_characters_are_independent() -> None:
    found = drawn("[ab]{5,8}")
    pairs = Counter((len(text), text[0], text[4]) for text in found)
    assert len(pairs) == 16
    assert even(list(pairs.values()))


def test_elements_of_an_array_are_drawn_alike() -> None:
    arrays = cells(
        Array(Pattern("a|[b-z]{5}"), 2, 2), "text[]", rows=ROWS // 2, data_version=2
    ).to_pylist()
    shorter = sum(text == "a" for array in arrays for text in array)
    assert abs(shorter - ROWS // 2) < 283


def test_columns_and_seeds_differ() -> None:
    columns = [column(name, "text", Pattern("[a-z]{1,9}")) for name in ("a", "b")]
    a, b = Generator(dataset(columns, data_version=2)).batch("t", 0, 500).columns
    other = cells(Pattern("[a-z]{1,9}"), rows=500, seed=43, data_version=2)
    assert len({tuple(a.to_pylist()), tuple(b.to_pylist()), tuple(other.to_pylist())}) == 3


@pytest.mark.parametrize(
    "pattern",
    ["(x{0,9}-){0,60}", "[ab]{4000}", "x{0,4000}", "([a-y]{2}|z){0,1000}", "[a-z]{2}" + "x" * 900],
)
def test_the_largest_patterns_are_laid_out(pattern: str) -> None:
    rows = np.array([5, 10**9, 10**11])
    one = dataset([column("c", "text", Pattern(pattern))], rows=10**12, data_version=2)
    for text in Generator(one).frame("t", rows).cells("c").to_pylist():
        assert re.fullmatch(pattern, text)
