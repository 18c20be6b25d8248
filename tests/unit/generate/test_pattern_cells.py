import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.rows import Generator
from rowmill.spec.kinds import Pattern
from rowmill.spec.patterns.automaton import count_strings
from rowmill.spec.versions import VERSIONS
from tests.unit.generate.text_datasets import cells, column, dataset, plain

PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[a-cé]", "", "a?", "[0-9]{2}"]),
    lambda children: st.one_of(
        st.tuples(children, children).map("".join),
        st.tuples(children, children).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(children, st.integers(0, 2)).map(lambda t: f"({t[0]}){{{t[1]},2}}"),
    ),
    max_leaves=6,
)
HUGE = [
    "[a-z]{40}",
    "[0-9a-f]{64}",
    "[a-z]{20,40}",
    "(a|[a-z]{40})",
    "x?[A-Z]{14}(-[0-9]{4,8})?",
    "[一-鿿]{5,6}",
]
ALL = [
    *HUGE,
    "[0-9]{8}",
    "[A-Z]{3}-[0-9]{4}",
    "(Mr|Mrs|Dr)\\. [A-Z][a-z]{2,8}",
    "é[α-ω]{2,3}",
    "",
    "(|a)",
]


versions = pytest.mark.parametrize("data_version", VERSIONS)


@versions
@given(pattern=PATTERNS)
@settings(max_examples=100, deadline=None)
def test_unique_cells_over_the_whole_domain_are_each_string_once(
    data_version: int, pattern: str
) -> None:
    count = count_strings(pattern)
    if count > 5000:
        return
    found = cells(Pattern(pattern), rows=count, unique=True, data_version=data_version).to_pylist()
    assert len(set(found)) == count
    assert all(re.fullmatch(pattern, text) for text in found)


@versions
@pytest.mark.parametrize("pattern", ALL)
def test_every_cell_is_a_string_of_the_pattern(pattern: str, data_version: int) -> None:
    for text in cells(Pattern(pattern), rows=500, data_version=data_version).to_pylist():
        assert re.fullmatch(pattern, text), text


@pytest.mark.parametrize("pattern", HUGE)
def test_unique_cells_of_more_strings_than_a_rank_counts_never_repeat(pattern: str) -> None:
    found = cells(Pattern(pattern), rows=30_000, unique=True).to_pylist()
    assert len(set(found)) == 30_000


def test_rows_of_a_trillion_are_apart_too() -> None:
    one = dataset([column("c", "text", Pattern("[a-z]{11,40}"), unique=True)], rows=10**12)
    frame = Generator(one).frame("t", np.arange(10**12 - 20_000, 10**12))
    assert len(set(frame.cells("c").to_pylist())) == 20_000


@versions
@pytest.mark.parametrize("pattern", ALL)
def test_the_order_and_the_batch_change_no_cell(pattern: str, data_version: int) -> None:
    columns = [column("c", "text", Pattern(pattern))]
    generator = Generator(dataset(columns, rows=3000, data_version=data_version))
    whole = plain(generator.batch("t", 0, 3000).column(0)).to_pylist()
    parts = [plain(generator.batch("t", s, s + 750).column(0)).to_pylist() for s in (0, 750)]
    assert parts[0] + parts[1] == whole[:1500]
    rows = np.array([2999, 5, 5, 1234, 0])
    assert plain(generator.frame("t", rows).cells("c")).to_pylist() == [whole[r] for r in rows]


def test_version_1_draws_strings_evenly_and_not_their_derivations() -> None:
    found = cells(Pattern("(a|a|b)(|c|c)"), rows=40_000).to_pylist()
    counts = [found.count(text) for text in ("a", "ac", "b", "bc")]
    # Three standard deviations of 40,000 draws of a quarter: 260.
    assert all(abs(count - 10_000) < 260 for count in counts), counts


def test_in_version_1_lengths_of_a_huge_pattern_are_as_likely_as_their_strings_are_many() -> None:
    found = cells(Pattern("[ab]{70,80}"), rows=20_000).to_pylist()
    longest = sum(len(text) == 80 for text in found)
    # Half of all strings and a bit: 2**80 of 2**81 - 2**70.
    assert abs(longest - 10_000) < 220


@pytest.mark.parametrize("place", [0, 17, 39])
def test_characters_of_a_huge_pattern_are_even_at_every_place(place: int) -> None:
    for unique in (False, True):
        found = cells(Pattern("[a-j]{40}"), rows=20_000, unique=unique).to_pylist()
        counts = [sum(text[place] == char for text in found) for char in "abcdefghij"]
        assert all(abs(count - 2000) < 180 for count in counts), counts


def test_unique_cells_need_as_many_strings() -> None:
    with pytest.raises(ValueError, match="unique over 11 rows but its pattern has only 10"):
        cells(Pattern("[0-9]"), rows=11, unique=True)


@versions
def test_nulls_are_masked_and_no_rows_are_fine(data_version: int) -> None:
    found = cells(Pattern("[a-z]{2,3}"), rows=2000, nulls=0.5, data_version=data_version)
    assert 900 < found.null_count < 1100
    assert cells(Pattern("[a-z]{2,30}"), rows=0, data_version=data_version).to_pylist() == []


@pytest.mark.parametrize(
    ("type_name", "pattern", "expected"),
    [
        ("inet", r"10\.0\.0\.1/32", "10.0.0.1"),
        ("jsonb", r'\{"bb":1,"a":2\}', '{"a": 2, "bb": 1}'),
        ("json", r'\{"bb":1\}', '{"bb":1}'),
        ("bytea", "é", "é".encode()),
        ("integer", "0017", 17),
        ("varchar(3)", "abc", "abc"),
        ("uuid", "(ab){16}", b"\xab" * 16),
    ],
)
def test_other_types_read_the_strings(type_name: str, pattern: str, expected: object) -> None:
    for data_version in VERSIONS:
        found = cells(Pattern(pattern), type_name, rows=2, data_version=data_version)
        assert found.to_pylist() == [expected] * 2
