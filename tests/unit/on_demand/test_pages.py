"""Pages of rows: the rows of a batch as text, from any offset, some columns of them."""

from __future__ import annotations

import pickle

import pytest

from rowmill.generate.rows import Generator
from rowmill.on_demand.pages import NoSuchRows, RowColumn, RowsPage, rows
from rowmill.spec import kinds
from rowmill.spec.load import load_spec
from tests.unit.generate.core_datasets import column, dataset, key_column, table

HUGE = 10**10
MANIFEST = f"""\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: shop}}
spec:
  tables:
    - name: people
      rows: {HUGE // 2}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint}}
        - {{name: name, type: text, nulls: 0.5, generate: {{faker: {{provider: name}}}}}}
    - name: orders
      rows: {HUGE}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint, generate: {{sequence: {{start: 1}}}}}}
        - {{name: person, type: bigint, references: {{table: people, column: id}}}}
        - {{name: paid, type: boolean}}
        - {{name: total, type: "decimal(10,2)"}}
    - {{name: nothing, rows: 0, columns: [{{name: id, type: bigint}}]}}
    - {{name: "one, and no more", rows: 1, columns: [{{name: "a b", type: "char(3)"}}]}}
  destinations: {{postgres: {{}}}}
"""


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(load_spec("shop.yaml", text=MANIFEST).dataset)


def test_a_page_far_into_a_table_has_the_rows_of_a_batch_there(generator: Generator) -> None:
    page = rows(generator, "orders", 7_000_000_000, 100)
    assert (page.table, page.offset, page.rows_total) == ("orders", 7_000_000_000, HUGE)
    assert page.columns == (
        RowColumn("id", "bigint"),
        RowColumn("person", "bigint"),
        RowColumn("paid", "boolean"),
        RowColumn("total", "numeric(10,2)"),
    )
    batch = generator.batch("orders", 7_000_000_000, 7_000_000_100)
    ids, people = (batch.column(name).to_pylist() for name in ("id", "person"))
    assert [row[0] for row in page.rows] == [str(each) for each in ids]
    assert [row[1] for row in page.rows] == [str(each) for each in people]
    assert {row[2] for row in page.rows} == {"t", "f"}
    assert page.note == ""


def test_columns_come_as_they_are_asked_for_each_once(generator: Generator) -> None:
    whole = rows(generator, "orders", 5, 20)
    some = rows(generator, "orders", 5, 20, ["total", "id", "total"])
    assert [column.name for column in some.columns] == ["total", "id"]
    assert some.rows == tuple((row[3], row[0]) for row in whole.rows)


def test_nulls_are_none_and_no_text(generator: Generator) -> None:
    names = [row[0] for row in rows(generator, "people", HUGE // 2 - 200, 200, ["name"]).rows]
    assert 50 < names.count(None) < 150
    assert all(name is None or name.strip() for name in names)


def test_pages_one_after_another_are_the_whole_table() -> None:
    small = Generator(dataset(table("t", 25, key_column())))
    pages = [rows(small, "t", offset, 10) for offset in (0, 10, 20)]
    assert [len(page.rows) for page in pages] == [10, 10, 5]
    assert [row for page in pages for row in page.rows] == [(str(i),) for i in range(1, 26)]


@pytest.mark.parametrize("offset", [HUGE, HUGE + 1, 10**30])
def test_behind_the_end_a_page_is_empty_and_says_so(generator: Generator, offset: int) -> None:
    page = rows(generator, "orders", offset, 10)
    assert page.rows == ()
    assert len(page.columns) == 4
    assert page.note == (
        f"'orders' has 10,000,000,000 rows, counted from 0: none from {offset:,} on"
    )


def test_a_table_without_rows_says_that_it_has_none(generator: Generator) -> None:
    page = rows(generator, "nothing")
    assert (page.rows, page.rows_total, page.note) == ((), 0, "'nothing' has no rows")


def test_the_only_row_of_a_table_with_a_hostile_name(generator: Generator) -> None:
    page = rows(generator, "one, and no more", 0, 1_000, ["a b"])
    assert page.columns == (RowColumn("a b", "char(3)"),)
    [[cell]] = page.rows
    assert cell is not None
    assert len(cell) == 3
    note = rows(generator, "one, and no more", 1).note
    assert note == "'one, and no more' has 1 row, counted from 0: none from 1 on"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("order",), "there is no table 'order'; did you mean 'orders'?"),
        (
            ("zebras",),
            "there is no table 'zebras'; the tables are people, orders, nothing, one, and no more",
        ),
        (
            ("orders", 0, 1, ["id", "totl"]),
            "table 'orders' has no column 'totl'; did you mean 'total'?",
        ),
        (
            ("orders", 0, 1, ["zebra"]),
            "table 'orders' has no column 'zebra'; its columns are id, person, paid, total",
        ),
        (
            ("orders", 0, 1, []),
            "no column is asked for; those of 'orders' are id, person, paid, total",
        ),
        (("orders", -1), "the offset is -1: rows are counted from 0"),
        (("orders", 0, 0), "the limit is 0: use 1 to 1,000 rows"),
        (("orders", 0, 1001), "the limit is 1001: use 1 to 1,000 rows"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    generator: Generator, asked: tuple[str], message: str
) -> None:
    with pytest.raises(NoSuchRows) as refused:
        rows(generator, *asked)
    assert (refused.value.reason, refused.value.message) == ("Usage", message)


def test_a_page_goes_through_a_pipe(generator: Generator) -> None:
    page: RowsPage = rows(generator, "people", 3, 5)
    assert pickle.loads(pickle.dumps(page)) == page


def test_cells_are_made_of_the_columns_that_are_asked_for_alone() -> None:
    # No builder has this kind: whoever makes its cells fails.
    unknown = column("b", "bigint", kinds.Parent("nowhere", "x"))
    made = Generator(dataset(table("t", 9, key_column(), unknown)))
    assert rows(made, "t", 8, 5, ["id"]).rows == (("9",),)
    with pytest.raises(StopIteration):
        rows(made, "t", 8, 5)


def test_a_page_ends_where_its_text_is_long_enough_and_says_where_the_rest_begins(
    generator: Generator,
) -> None:
    whole = rows(generator, "orders", 10, 50)
    assert whole.note == ""
    sizes = [sum(len(cell or "") for cell in row) for row in whole.rows]
    cut = rows(generator, "orders", 10, 50, most_bytes=sum(sizes[:7]))
    assert cut.rows == whole.rows[:7]
    assert cut.note == (
        f"these are the 7 rows that are within {sum(sizes[:7])} bytes; the rest begins at offset 17"
    )
    # One that is longer is told as well: who asks for it alone gets no less.
    assert rows(generator, "orders", 10, 50, most_bytes=1).rows == whole.rows[:1]
