"""A report tells the run's data checksum, how much differs, and where first."""

import hashlib
from dataclasses import replace
from typing import Any

from rowmill.engine.verification import (
    CellDifference,
    Comparison,
    Difference,
    Kind,
    Problem,
    TableReport,
    Verification,
    compared,
)

SAME = Comparison("postgres", 3, "aa", True, (), {}, (), False)
CHANGED = Difference(
    Kind.CHANGED, 6, 0, 2, {"id": 7}, (CellDifference("total", 1, "secret"),), '"shop"."b" (0,7)'
)
LOST = Difference(Kind.LOST, 8, 1, 2, {"id": 9}, (), None)


def comparison(**changes: Any) -> Comparison:
    return replace(SAME, identical=False, **changes)


def report(*comparisons: Comparison, problems: tuple[Problem, ...] = ()) -> Verification:
    tables = (TableReport("a", 3, "aa", (SAME,)), TableReport("b", 4, "bb", comparisons))
    return compared(tables, problems, owner="e/n/shop", run=1, run_id="id")


def test_the_checksum_is_of_the_tables_checksums_in_the_plans_order() -> None:
    found = report(SAME)
    digest = hashlib.sha256(b"a aa\nb bb\n").hexdigest()
    assert found.checksum == f"sha256:{digest}"
    assert found.to_json()["checksum"] == found.checksum
    # Whatever a destination holds.
    assert report(comparison(checksum="cc")).checksum == found.checksum
    assert (found.rows, found.differences, found.where) == (7, 0, "")


def test_the_first_difference_is_told_without_the_values_of_its_cells() -> None:
    counts = {Kind.CHANGED: 1, Kind.LOST: 2}
    found = report(SAME, comparison(counts=counts, differences=(CHANGED, LOST)))
    assert found.differences == 3
    assert found.where == (
        'b in postgres: changed row 6 (batch 0, part 2) at "shop"."b" (0,7), in total'
    )
    lost = report(comparison(counts={Kind.LOST: 1}, differences=(LOST,)))
    assert lost.where == "b in postgres: lost row 8 (batch 1, part 2)"
    assert report(comparison(sampled=True)).where == "b in postgres: its rows"


def test_what_cannot_be_read_comes_before_rows_that_differ() -> None:
    gone = Problem("TableMissing", "shop", "there is no table 'b'")
    found = report(comparison(problems=(gone,), differences=(CHANGED,)))
    assert found.where == "b in postgres: shop: there is no table 'b'"
    astray = Problem("CurrentDiffers", "s3://lake/shop/", "it leads elsewhere")
    assert report(comparison(), problems=(astray,)).where == "s3://lake/shop/: it leads elsewhere"
