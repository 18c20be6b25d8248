"""Parents and children are those that a scan of the generated reference columns pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rowmill.generate.picks import PICK_BUILDERS
from rowmill.generate.relatives import children_of, parent_row
from rowmill.generate.rows import Generator
from rowmill.spec import kinds
from rowmill.spec.dataset import (
    ChildrenPer,
    Dataset,
    Link,
    Pick,
    PickChildren,
    PickDistinct,
    PickOneToOne,
    PickProduct,
    PickTree,
    PickUniform,
    PickZipf,
    Table,
)
from rowmill.spec.load import Overrides, load_spec
from rowmill.worker.pools import make_pools
from tests.unit.generate.core_datasets import (
    column,
    dataset,
    key_column,
    link,
    picked,
    reference,
    table,
)

_VALID = Path(__file__).parents[1] / "spec" / "valid"
_EXAMPLES = Path(__file__).parents[3] / "examples"
Pairs = set[tuple[int, int]]


def pairs_of_cells(generator: Generator, child: Table, link: Link) -> Pairs:
    """(parent row, child row) by the cells that a run stores: what a join would give."""
    parent = generator.dataset.table(link.parent)
    keys = _cells(generator, parent, link.parent_columns)
    row_of = {key: row for row, key in enumerate(keys)}
    assert len(row_of) == parent.rows
    return {
        (row_of[key], row)
        for row, key in enumerate(_cells(generator, child, link.columns))
        if None not in key
    }


def _cells(generator: Generator, table: Table, names: tuple[str, ...]) -> list[tuple[object, ...]]:
    batch = generator.batch(table.name, 0, table.rows, names)
    cells = [batch.column(name).to_pylist() for name in names]
    return list(zip(*cells, strict=True)) if table.rows else []


def check(made: Dataset, generator: Generator | None = None) -> int:
    """Hold every link of the dataset against a scan, both ways; returns the pairs seen."""
    generator = generator or Generator(made)
    seen = 0
    for child in made.tables:
        for each in child.links:
            wanted = pairs_of_cells(generator, child, each)
            parents = made.table(each.parent).rows
            found = [
                (parent, row)
                for parent in range(parents)
                for row in every_child(generator, child, each, parent)
            ]
            assert len(found) == len(set(found))
            assert set(found) == wanted, (child.name, each.name)
            above = {row: parent for parent, row in wanted}
            for row in {*range(min(child.rows, 30)), *range(max(0, child.rows - 30), child.rows)}:
                assert parent_row(generator, child, each, row) == above.get(row)
            seen += len(wanted)
    return seen


def every_child(
    generator: Generator, child: Table, link: Link, parent: int, step: int = 97
) -> Iterator[int]:
    """The children, found by looking at `step` places at a time."""
    search = children_of(generator, child, link, parent)
    for start in range(0, search.places, step):
        stop = min(start + step, search.places)
        places, rows = search.look(start, stop)
        assert np.array_equal(places, np.unique(places))
        assert not len(places) or (start <= places[0] and places[-1] < stop)
        yield from rows.tolist()


SIZES = st.integers(0, 3) | st.integers(4, 40)
SOME_NULLS = st.sampled_from([0.0, 0.3, 1.0])
SEEDS = st.integers(-(2**63), 2**63 - 1)


@st.composite
def simple(draw: st.DrawFn, pick: Pick, *, fewer: bool = False) -> Dataset:
    parents = draw(SIZES)
    rows = draw(st.integers(0, parents)) if fewer else draw(SIZES)
    made = picked(pick, parents, rows, nulls=draw(SOME_NULLS))
    return replace(made, seed=draw(SEEDS))


@st.composite
def trees(draw: st.DrawFn) -> Dataset:
    pick = PickTree(draw(st.integers(1, 8)))
    return dataset(
        table("t", draw(SIZES), key_column(), reference("up"), links=(link("up", "t", pick),)),
        seed=draw(SEEDS),
    )


@st.composite
def broods(draw: st.DrawFn) -> Dataset:
    """A `rowsPer` table with a reference beside its link that repeats for no parent."""
    parents = draw(SIZES)
    low = draw(st.integers(0, 2))
    high = draw(st.integers(max(low, 1), low + 4))
    mean = Fraction(draw(st.integers(low * 4, high * 4)), 4)
    others = draw(st.integers(high, high + 9))
    return dataset(
        table("p", parents, key_column()),
        table("o", others, key_column()),
        table(
            "t",
            round(parents * mean),
            reference("a"),
            reference("b"),
            links=(
                link("a", "p", PickChildren()),
                link("b", "o", PickDistinct(), nulls=draw(SOME_NULLS)),
            ),
            children=ChildrenPer("a", mean, low, high),
        ),
        seed=draw(SEEDS),
    )


@st.composite
def junctions(draw: st.DrawFn) -> Dataset:
    sizes = draw(st.lists(st.integers(0, 12), min_size=2, max_size=3))
    rows = draw(st.integers(0, min(prod(sizes), 150)))
    return junction(sizes, rows, draw(SEEDS), draw(SOME_NULLS))


def junction(sizes: list[int], rows: int, seed: int, nulls: float) -> Dataset:
    names = tuple("abc"[: len(sizes)])
    return dataset(
        *(table(f"p_{n}", size, key_column()) for n, size in zip(names, sizes, strict=True)),
        table(
            "t",
            rows,
            *(reference(name) for name in names),
            links=tuple(link(n, f"p_{n}", PickProduct(names), nulls=nulls) for n in names),
        ),
        seed=seed,
    )


@st.composite
def composites(draw: st.DrawFn) -> Dataset:
    """References of two columns, one of them of text, to a table that has a parent itself."""
    both = ("a", "code")
    picks: list[Pick] = [PickUniform(), PickZipf(1.2)]
    pick = draw(st.sampled_from(picks))
    middle = table(
        "m",
        draw(st.integers(0, 30)),
        reference("a"),
        column("code", "char(2)", kinds.Pattern("[A-Z]{2}"), unique=True),
        links=(link("a", "p", PickUniform()),),
    )
    child = table(
        "t",
        draw(SIZES),
        column("x", "bigint", kinds.Reference("x,y", "a")),
        column("y", "char(2)", kinds.Reference("x,y", "code")),
        links=(Link("x,y", ("x", "y"), "m", both, pick, draw(SOME_NULLS)),),
    )
    return dataset(table("p", 5, key_column()), middle, child, seed=draw(SEEDS))


DATASETS: dict[type, st.SearchStrategy[Dataset]] = {
    PickUniform: simple(PickUniform()),
    PickZipf: st.sampled_from([0.0, 0.7, 1.0, 2.5]).flatmap(lambda s: simple(PickZipf(s))),
    PickOneToOne: simple(PickOneToOne(), fewer=True),
    PickTree: trees(),
    PickChildren: broods(),
    PickProduct: junctions(),
    PickDistinct: broods(),
}


def test_every_kind_of_pick_has_a_builder_and_datasets_here() -> None:
    assert {each.kind for each in PICK_BUILDERS} == set(get_args(Pick)) == DATASETS.keys()


@pytest.mark.parametrize("kind", DATASETS, ids=lambda kind: kind.key)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_children_are_the_pairs_of_the_generated_columns(kind: type, data: st.DataObject) -> None:
    check(data.draw(DATASETS[kind]))


@given(made=composites())
@settings(max_examples=20, deadline=None)
def test_references_of_several_columns_have_the_same_pairs(made: Dataset) -> None:
    check(made)


@pytest.mark.parametrize(
    ("file", "scale"),
    [
        (_VALID / "relations.yaml", None),
        (_VALID / "shop.yaml", "0.00001"),
        (_EXAMPLES / "shop.yaml", "0.0001"),
    ],
    ids=lambda each: each.stem if isinstance(each, Path) else "",
)
def test_what_the_manifest_offers_has_the_same_pairs(file: Path, scale: str | None) -> None:
    made = load_spec(file, overrides=Overrides(scale=scale)).dataset
    assert sum(table.rows for table in made.tables) < 20_000
    assert check(made, Generator(made, make_pools(made)))


@given(
    sizes=st.sampled_from([[70_001, 3], [300, 301], [40, 41, 42], [1, 65_537]]),
    share=st.fractions(0, 1),
    parent=st.integers(0, 10**6),
)
@settings(max_examples=8, deadline=None)
@example(sizes=[300, 301], share=Fraction(1), parent=0)
def test_junctions_beyond_what_is_shuffled_are_inverted(
    sizes: list[int], share: Fraction, parent: int
) -> None:
    rows = int(prod(sizes) * share)
    made = junction(sizes, rows, 7, 0.25)
    generator, child = Generator(made), made.table("t")
    for each in child.links:
        wanted = pairs_of_cells(generator, child, each)
        row = parent % made.table(each.parent).rows
        found = set(every_child(generator, child, each, row, step=50_000))
        assert found == {below for above, below in wanted if above == row}


@pytest.mark.parametrize(
    "sizes", [[10**10, 3], [2**40, 2**23], [2**62, 3], [2**61, 4], [2**62, 4, 2]]
)
def test_in_junctions_of_huge_parents_each_row_is_among_its_parents_children(
    sizes: list[int],
) -> None:
    rows = min(prod(sizes), 2**62)
    made = junction(sizes, rows, 7, 0.0)
    generator, child = Generator(made), made.table("t")
    each = child.links[0]
    for row in (0, 7_000_000_000, rows - 1):
        parent = parent_row(generator, child, each, row)
        assert parent is not None
        search = children_of(generator, child, each, parent)
        if search.places <= 64:
            _, found = search.look(0, search.places)
            assert row in found
            assert {parent_row(generator, child, each, int(other)) for other in found} == {parent}


def test_the_only_child_among_ten_billion_is_found_at_once() -> None:
    made = picked(PickOneToOne(), 10**10, 10**10)
    generator, child = Generator(made), made.table("t")
    parent = parent_row(generator, child, child.links[0], 7_000_000_000)
    assert parent is not None
    search = children_of(generator, child, child.links[0], parent)
    assert search.places == 1
    assert search.look(0, 1)[1].tolist() == [7_000_000_000]


def test_children_by_counts_are_consecutive_rows_of_ten_billion() -> None:
    made = dataset(
        table("p", 4 * 10**9, key_column()),
        table(
            "t",
            10**10,
            reference("a"),
            links=(link("a", "p", PickChildren()),),
            children=ChildrenPer("a", Fraction("2.5"), 0, 9),
        ),
    )
    generator, child = Generator(made), made.table("t")
    parent = parent_row(generator, child, child.links[0], 7_000_000_000)
    assert parent is not None
    search = children_of(generator, child, child.links[0], parent)
    assert search.places <= 9
    assert 7_000_000_000 in search.look(0, search.places)[1]


def test_below_a_row_of_a_tree_only_later_rows_are_looked_at() -> None:
    rows = 10**10
    made = dataset(
        table("t", rows, key_column(), reference("up"), links=(link("up", "t", PickTree(3)),))
    )
    child = made.table("t")
    last = children_of(Generator(made), child, child.links[0], rows - 5)
    assert last.places == 4
    assert children_of(Generator(made), child, child.links[0], 0).places == rows - 3
