"""A row's parents with their rows, and its children page by page, within a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.relatives import parent_row
from rowmill.generate.rows import Generator
from rowmill.on_demand.pages import NoSuchRows, rows
from rowmill.on_demand.relatives import (
    ChildrenPage,
    Reference,
    children,
    parents,
    references_to,
)
from rowmill.spec.dataset import Pick, PickOneToOne, PickUniform, PickZipf
from rowmill.spec.load import load_spec
from rowmill.worker.pools import make_pools
from tests.unit.generate.core_datasets import picked

_RELATIONS = Path(__file__).parents[1] / "spec" / "valid" / "relations.yaml"


@pytest.fixture(scope="module")
def generator() -> Generator:
    dataset = load_spec(_RELATIONS).dataset
    return Generator(dataset, make_pools(dataset))


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by `step` seconds each time it is looked at."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def all_children(
    generator: Generator, table: str, row: int, child: str, column: str, limit: int
) -> list[int]:
    """The numbers of all children, by following the cursor."""
    numbers: list[int] = []
    after = None
    while True:
        page = children(generator, table, row, child, column, after, limit)
        assert len(page.numbers) == len(page.rows) <= limit
        assert (after or 0) <= page.looked <= page.places
        numbers += page.numbers
        if page.cursor is None:
            return numbers
        assert page.cursor == page.looked
        after = page.cursor


def test_parents_come_with_their_rows(generator: Generator) -> None:
    buyer, seller = parents(generator, "orders", 20)
    shown = rows(generator, "orders", 20, 1).rows[0]
    assert buyer.reference == Reference("orders", ("buyer",), "people", ("id",))
    assert buyer.row is not None
    assert buyer.page == rows(generator, "people", buyer.row, 1)
    assert buyer.page.rows[0][0] == shown[0]
    assert seller.reference.columns == ("seller",)


def test_null_references_lead_nowhere(generator: Generator) -> None:
    sellers = rows(generator, "orders", 0, 100, ["seller"]).rows
    null = sellers.index((None,))
    seller = parents(generator, "orders", null)[1]
    assert (seller.row, seller.page) == (None, None)
    [boss, _] = parents(generator, "people", 0)
    assert (boss.reference.parent, boss.row) == ("people", None)


def test_a_reference_of_several_columns_is_one(generator: Generator) -> None:
    product, order = parents(generator, "lines", 100)
    assert order.reference.columns == ("buyer", "number")
    assert order.page is not None
    assert order.page.rows[0][0] == rows(generator, "lines", 100, 1).rows[0][0]
    assert product.reference.key == ("id",)


def test_a_table_without_references_has_no_parents(generator: Generator) -> None:
    assert parents(generator, "countries", 3) == ()


def test_who_refers_to_a_table_is_told_with_the_columns(generator: Generator) -> None:
    told = [(each.table, each.columns) for each in references_to(generator.dataset, "people")]
    assert told == [
        ("people", ("boss",)),
        ("profiles", ("email",)),
        ("orders", ("buyer",)),
        ("orders", ("seller",)),
        ("friends", ("a",)),
        ("friends", ("b",)),
    ]
    assert references_to(generator.dataset, "childless") == ()


@pytest.mark.parametrize("limit", [1, 7])
@pytest.mark.parametrize(
    ("table", "child", "column"),
    [
        ("people", "people", "boss"),
        ("people", "profiles", "email"),
        ("people", "orders", "buyer"),
        ("people", "orders", "seller"),
        ("people", "friends", "b"),
        ("countries", "people", "country"),
        ("countries", "product_countries", "country"),
        ("orders", "lines", "number"),
        ("products", "lines", "product"),
        ("orders", "complaints", "who"),
        ("complaints", "settled", "complaint"),
        ("settled", "childless", "complaint"),
    ],
)
def test_followed_to_the_end_the_pages_hold_every_child_once(
    generator: Generator, table: str, child: str, column: str, limit: int
) -> None:
    wanted: dict[int, list[int]] = {}
    known = generator.dataset.table(child)
    [link] = [each for each in known.links if column in each.columns]
    for row in range(known.rows):
        above = parent_row(generator, known, link, row)
        if above is not None:
            wanted.setdefault(above, []).append(row)
    for row in range(min(generator.dataset.table(table).rows, 12)):
        found = all_children(generator, table, row, child, column, limit)
        assert sorted(found) == wanted.get(row, [])


def test_children_come_with_their_rows(generator: Generator) -> None:
    page = children(generator, "people", 7, "orders", "buyer")
    assert page.numbers
    assert page.rows == tuple(rows(generator, "orders", each, 1).rows[0] for each in page.numbers)
    assert [column.name for column in page.columns] == ["buyer", "seller", "number", "placed"]
    assert (page.reference.table, page.parent_row) == ("orders", 7)


def test_children_that_are_known_are_all_that_is_looked_at() -> None:
    made = Generator(picked(PickOneToOne(), 10**10, 10**10))
    [parent] = parents(made, "t", 7_000_000_000)
    assert parent.row is not None
    page = children(made, "p", parent.row, "t", "parent_id")
    assert page.numbers == (7_000_000_000,)
    assert (page.looked, page.places, page.cursor) == (1, 1, None)


@pytest.mark.parametrize("pick", [PickUniform(), PickZipf(1.1)])
def test_a_scan_ends_with_its_time_and_tells_how_far_it_came(pick: Pick) -> None:
    made = Generator(picked(pick, 10**10, 10**10))
    page = children(made, "p", 4, "t", "parent_id", seconds=2.0, clock=ticking(0.5))
    # It begins at 0.5, and has looked four times before its time is up at 2.5.
    assert (page.looked, page.places) == (4 * 65_536, 10**10)
    assert page.cursor == page.looked
    again = children(made, "p", 4, "t", "parent_id", page.cursor, clock=ticking(0.5))
    assert again.looked == 8 * 65_536


def test_a_scan_that_is_late_from_the_first_gets_on_all_the_same() -> None:
    made = Generator(picked(PickUniform(), 10**10, 10**10))
    page = children(made, "p", 4, "t", "parent_id", 5, seconds=0.0)
    assert page.looked == 5 + 65_536


@given(
    limit=st.integers(1, 60),
    steps=st.lists(st.sampled_from([0.1, 5.0]), min_size=1),
    parent=st.integers(0, 4),
)
@settings(max_examples=15, deadline=None)
def test_a_scan_cut_anywhere_finds_the_same_children(
    limit: int, steps: list[float], parent: int
) -> None:
    made = Generator(picked(PickUniform(), 5, 700, nulls=0.3))
    whole = children(made, "p", parent, "t", "parent_id", limit=1_000)
    found: list[int] = []
    page: ChildrenPage | None = None
    while page is None or page.cursor is not None:
        after = None if page is None else page.cursor
        page = children(made, "p", parent, "t", "parent_id", after, limit, clock=ticking(steps[0]))
        found += page.numbers
    assert tuple(found) == whole.numbers
    assert whole.looked == whole.places == 700


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("peopl", 0, "orders", "buyer"), "there is no table 'peopl'; did you mean 'people'?"),
        (("people", 0, "oders", "buyer"), "there is no table 'oders'; did you mean 'orders'?"),
        (
            ("people", 60, "orders", "buyer"),
            "'people' has 60 rows, counted from 0: none from 60 on",
        ),
        (("people", -1, "orders", "buyer"), "the row is -1: rows are counted from 0"),
        (("childless", 0, "orders", "buyer"), "'childless' has no rows"),
        (
            ("people", 0, "orders", "buyr"),
            "'orders' has no reference 'buyr' to 'people'; did you mean 'buyer'?",
        ),
        (
            ("people", 0, "orders", "placed"),
            "'orders' has no reference 'placed' to 'people'; "
            "its columns that refer to it are buyer, seller",
        ),
        (
            ("complaints", 0, "orders", "buyer"),
            "'orders' has no reference 'buyer' to 'complaints', nor any other; "
            "those that do are settled",
        ),
        (
            ("friends", 0, "orders", "buyer"),
            "'orders' has no reference 'buyer' to 'friends', nor any other; no table does",
        ),
        (
            ("people", 0, "orders", "seller", 136),
            "136 is no cursor of this list; begin it again without one",
        ),
        (
            ("people", 0, "orders", "seller", -1),
            "-1 is no cursor of this list; begin it again without one",
        ),
        (("people", 0, "orders", "buyer", None, 0), "the limit is 0: use 1 to 1,000 rows"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    generator: Generator, asked: tuple[str, int, str, str], message: str
) -> None:
    with pytest.raises(NoSuchRows) as refused:
        children(generator, *asked)
    assert refused.value.message == message


def test_parents_of_a_row_that_is_not_there_are_refused(generator: Generator) -> None:
    with pytest.raises(NoSuchRows, match="none from 60 on"):
        parents(generator, "people", 60)
