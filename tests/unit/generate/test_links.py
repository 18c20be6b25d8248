"""References always hit, and each kind of pick keeps its promise."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.rows import Generator
from rowmill.spec import kinds
from rowmill.spec.dataset import (
    ChildrenPer,
    Dataset,
    PickChildren,
    PickDistinct,
    PickOneToOne,
    PickProduct,
    PickTree,
    PickUniform,
    PickZipf,
)
from tests.unit.generate.core_datasets import (
    column,
    dataset,
    everything,
    key_column,
    link,
    picked,
    reference,
    table,
)


def numbers(made: Dataset, table_name: str, *names: str) -> list[np.ndarray]:
    rows = made.table(table_name).rows
    batch = Generator(made).batch(table_name, 0, rows, names)
    return [np.asarray(batch.column(name)) for name in names]


def cells(made: Dataset, table_name: str, name: str) -> list[object]:
    batch = Generator(made).batch(table_name, 0, made.table(table_name).rows, [name])
    values: list[object] = batch.column(0).to_pylist()
    return values


@pytest.mark.parametrize("pick", [PickUniform(), PickZipf(1.2), PickZipf(0.0)])
@given(parents=st.integers(1, 200_000))
@settings(max_examples=20, deadline=None)
def test_references_hit(pick: PickUniform | PickZipf, parents: int) -> None:
    (ids,) = numbers(picked(pick, parents, 2000), "t", "parent_id")
    assert ids.min() >= 1
    assert ids.max() <= parents


def test_uniform_picks_are_uniform() -> None:
    (ids,) = numbers(picked(PickUniform(), 1000, 200_000), "t", "parent_id")
    observed = np.bincount(ids - 1, minlength=1000)
    # Chi-square with 999 degrees of freedom; beyond 1250 once in 10 million seeds.
    assert ((observed - 200) ** 2 / 200).sum() < 1250


def test_small_and_large_parents_give_the_same_cells_cached_or_not() -> None:
    made = everything()
    generator = Generator(made)
    frame = generator.frame("people", np.arange(5000)).up("region")
    assert generator.whole("regions", "code") is not None
    direct = Generator(made).frame("regions", frame.rows).cells("code").to_pylist()
    valid = frame.valid
    assert valid is not None
    masked = [code if there else None for code, there in zip(direct, valid, strict=True)]
    assert frame.cells("code").to_pylist() == masked


def test_texts_of_small_parents_come_as_one_dictionary_of_distinct_texts() -> None:
    made = picked(PickUniform(), 40, 1000, nulls=0.1)
    parent, child = made.tables
    letter = column("letter", "text", kinds.Pattern("[A-C]"), nulls=0.1)
    copied = column("l", "text", kinds.Parent("parent_id", "letter"))
    made = replace(
        made,
        tables=(
            replace(parent, columns=(*parent.columns, letter)),
            replace(child, columns=(*child.columns, copied)),
        ),
    )
    batch = Generator(made).batch("t", 0, 1000)
    letters = batch.column("l")
    assert isinstance(letters, pa.DictionaryArray)
    assert sorted(letters.dictionary.to_pylist()) == ["A", "B", "C"]
    by_id = dict(enumerate(cells(made, "p", "letter"), 1))
    ids = batch.column("parent_id").to_pylist()
    assert letters.to_pylist() == [by_id.get(i) for i in ids]


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.3, 2.0])
def test_zipf_gives_its_favourites_their_shares(exponent: float) -> None:
    (ids,) = numbers(picked(PickZipf(exponent), 1000, 400_000), "t", "parent_id")
    sizes = np.sort(np.bincount(ids))[::-1][:5]
    weights = np.arange(1, 1001) ** -exponent
    expected = 400_000 * weights[:5] / weights.sum()
    # Six standard deviations; the first five are too far apart to change places.
    assert (np.abs(sizes - expected) < 6 * expected**0.5).all()


def test_zipf_favourites_are_scattered() -> None:
    (ids,) = numbers(picked(PickZipf(1.1), 100_000, 100_000), "t", "parent_id")
    favourites = np.argsort(np.bincount(ids, minlength=100_001))[::-1][:100]
    assert 30_000 < favourites.mean() < 70_000


@given(parents=st.integers(1, 3000), data=st.data())
@settings(max_examples=30, deadline=None)
def test_one_to_one_never_repeats(parents: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, parents))
    (ids,) = numbers(picked(PickOneToOne(), parents, rows), "t", "parent_id")
    assert len(set(ids.tolist())) == rows
    assert ids.max() <= parents


def test_too_few_parents_are_refused() -> None:
    with pytest.raises(ValueError, match=r"t\.parent_id needs 11 different parents, but only 10"):
        numbers(picked(PickOneToOne(), 10, 11), "t", "parent_id")


@given(rows=st.integers(1, 3000), roots=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_trees_have_their_roots_and_no_cycle(rows: int, roots: int) -> None:
    made = dataset(
        table("t", rows, key_column(), reference("up"), links=(link("up", "t", PickTree(roots)),))
    )
    parents = cells(made, "t", "up")
    assert parents[:roots] == [None] * min(roots, rows)
    # A parent before its child leaves no room for a cycle.
    assert all(isinstance(up, int) and 1 <= up <= i for i, up in enumerate(parents[roots:], roots))


def test_tree_parents_are_uniform_over_the_rows_before() -> None:
    made = dataset(
        table("t", 100_000, key_column(), reference("up"), links=(link("up", "t", PickTree(1)),))
    )
    ups = np.array(cells(made, "t", "up")[1:], dtype=float)
    place = (ups - 0.5) / np.arange(1, 100_000)
    observed = np.bincount((place * 20).astype(int), minlength=20)
    # Chi-square with 19 degrees of freedom; beyond 72 once in 10 million seeds.
    assert ((observed - 99_999 / 20) ** 2 / (99_999 / 20)).sum() < 72


def junction(sizes: dict[str, int], rows: int) -> Dataset:
    names = tuple(sizes)
    return dataset(
        *(table(f"p_{name}", size, key_column()) for name, size in sizes.items()),
        table(
            "t",
            rows,
            *(reference(name) for name in names),
            links=tuple(link(name, f"p_{name}", PickProduct(names)) for name in names),
        ),
    )


@given(
    sizes=st.lists(st.integers(1, 600), min_size=2, max_size=3),
    share=st.fractions(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_junction_keys_never_repeat(sizes: list[int], share: Fraction) -> None:
    product = int(np.prod(sizes))
    rows = min(int(product * share) + 1, product, 5000)
    names = "abc"[: len(sizes)]
    made = junction(dict(zip(names, sizes, strict=True)), rows)
    keys = numbers(made, "t", *names)
    assert len(set(zip(*(key.tolist() for key in keys), strict=True))) == rows
    for key, size in zip(keys, sizes, strict=True):
        assert key.min() >= 1
        assert key.max() <= size


def test_a_full_junction_is_the_whole_product() -> None:
    a, b = numbers(junction({"a": 503, "b": 40}, 503 * 40), "t", "a", "b")
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 503 * 40


@pytest.mark.parametrize("sizes", [(10**9, 10**6), (10**10, 10**10), (2**62, 3)])
def test_junctions_of_huge_parents(sizes: tuple[int, int]) -> None:
    made = junction({"a": sizes[0], "b": sizes[1]}, 2000)
    a, b = numbers(made, "t", "a", "b")
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 2000
    for key, size in zip((a, b), sizes, strict=True):
        assert key.min() >= 1
        assert key.max() <= size
        assert abs((key / size).mean() - 0.5) < 0.2


def test_an_impossible_junction_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 13 different parents, but only 12"):
        numbers(junction({"a": 3, "b": 4}, 13), "t", "a", "b")


def with_distinct(parents: int, mean: str, high: int, others: int) -> Dataset:
    exact = Fraction(mean)
    return dataset(
        table("p", parents, key_column()),
        table("o", others, key_column()),
        table(
            "t",
            round(parents * exact),
            reference("a"),
            reference("b"),
            column("line", "smallint", kinds.Ordinal()),
            links=(link("a", "p", PickChildren()), link("b", "o", PickDistinct())),
            children=ChildrenPer("a", exact, 0, high),
        ),
    )


@pytest.mark.parametrize(
    ("parents", "mean", "high", "others"),
    [(3000, "2.5", 5, 5), (3000, "3", 6, 100_000), (500, "20", 40, 41), (7, "1", 1, 1)],
)
def test_references_beside_the_link_do_not_repeat_within_a_parent(
    parents: int, mean: str, high: int, others: int
) -> None:
    a, b, line = numbers(with_distinct(parents, mean, high, others), "t", "a", "b", "line")
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(a)
    assert b.min() >= 1
    assert b.max() <= others
    assert len(set(zip(a.tolist(), line.tolist(), strict=True))) == len(a)
    assert line.min() == 1


def test_parents_draw_those_references_independently_and_evenly() -> None:
    first, line = numbers(with_distinct(200_000, "2", 4, 5), "t", "b", "line")
    observed = np.bincount(first[line == 1] - 1, minlength=5)
    expected = observed.sum() / 5
    # Chi-square with 4 degrees of freedom; beyond 40 once in 10 million seeds.
    assert ((observed - expected) ** 2 / expected).sum() < 40
    pairs = np.bincount((first[:-1] * 5 + first[1:] - 6)[line[1:] == 1], minlength=25)
    expected = pairs.sum() / 25
    # With 24 degrees; beyond 80 once in 10 million seeds.
    assert ((pairs - expected) ** 2 / expected).sum() < 80


def test_more_children_than_the_other_parents_are_refused() -> None:
    with pytest.raises(ValueError, match=r"t\.b needs 6 different parents, but only 5"):
        numbers(with_distinct(10, "3", 6, 5), "t", "b")


def test_composite_references_are_keys_that_exist_and_null_together() -> None:
    generator = Generator(everything())
    lines = generator.dataset.table("lines").rows
    keys = generator.batch("lines", 0, lines, ["order", "line"])
    exist = set(zip(*(keys.column(i).to_pylist() for i in range(2)), strict=True))
    refs = generator.batch("follows", 0, 20_000, ["order", "line"])
    pairs = list(zip(*(refs.column(i).to_pylist() for i in range(2)), strict=True))
    assert set(pairs) - {(None, None)} <= exist
    assert 0.15 < pairs.count((None, None)) / 20_000 < 0.25


def test_values_come_over_several_hops_from_the_referenced_rows() -> None:
    generator = Generator(everything())
    lines = generator.batch("lines", 1000, 3000)
    orders = generator.batch("orders", 0, generator.dataset.table("orders").rows)
    region = dict(
        zip(orders.column("id").to_pylist(), orders.column("region").to_pylist(), strict=True)
    )
    expected = [region[order] for order in lines.column("order").to_pylist()]
    assert lines.column("region").to_pylist() == expected
    people = generator.batch("people", 0, 5000)
    regions = generator.batch("regions", 0, 7)
    is_open = dict(
        zip(regions.column("code").to_pylist(), regions.column("open").to_pylist(), strict=True)
    )
    codes = people.column("region").to_pylist()
    assert people.column("region_open").to_pylist() == [is_open.get(code) for code in codes]
    by_id = dict(zip(people.column("id").to_pylist(), codes, strict=True))
    bosses = people.column("boss").to_pylist()
    assert people.column("boss_region").to_pylist() == [by_id.get(boss) for boss in bosses]


def test_an_empty_parent_table_leaves_nulls() -> None:
    generator = Generator(everything())
    batch = generator.batch("people", 0, 100, ["none", "word"])
    assert batch.column("none").null_count == 100
    assert batch.column("word").null_count == 100
    assert batch.column("none").type == pa.int64()


def test_a_parent_of_one_row_is_everyones() -> None:
    for pick in (PickUniform(), PickZipf(1.5)):
        (ids,) = numbers(picked(pick, 1, 100), "t", "parent_id")
        assert set(ids.tolist()) == {1}
    (ids,) = numbers(picked(PickOneToOne(), 1, 1), "t", "parent_id")
    assert ids.tolist() == [1]


def test_a_reference_is_null_where_its_link_is_and_nowhere_else() -> None:
    made = picked(PickUniform(), 10, 10_000, nulls=0.5)
    t = made.table("t")
    nullable = replace(t, columns=(replace(t.columns[0], nulls=0.5, nullable=True),))
    values = cells(replace(made, tables=(made.table("p"), nullable)), "t", "parent_id")
    assert 4700 < values.count(None) < 5300


def test_two_links_to_one_table_are_independent() -> None:
    made = picked(PickUniform(), 16, 100_000)
    t = made.table("t")
    two = replace(
        t,
        columns=(*t.columns, reference("other_id")),
        links=(*t.links, link("other_id", "p", PickUniform())),
    )
    one, other = numbers(replace(made, tables=(made.table("p"), two)), "t", "parent_id", "other_id")
    observed = np.bincount((one - 1) * 16 + other - 1, minlength=256)
    # Chi-square with 255 degrees of freedom; beyond 390 once in 10 million seeds.
    assert ((observed - 100_000 / 256) ** 2 / (100_000 / 256)).sum() < 390
