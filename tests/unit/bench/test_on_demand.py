"""A page of rows far into a table is measured on a good manifest, and held against its bar."""

from __future__ import annotations

from rowmill.spec.load import load_spec
from tests.bench import on_demand


def test_the_manifest_that_is_measured_has_the_rows_that_the_figure_names() -> None:
    table = load_spec("far.yaml", text=on_demand.MANIFEST).dataset.table(on_demand.TABLE)
    assert table.rows == 10_000_000_000
    assert on_demand.OFFSET == 7_000_000_000


def test_the_median_page_is_held_against_its_bar() -> None:
    [met] = on_demand.figures([1.0, 2.0, 300.0])
    assert (met.met, met.reach) == (True, "under 50 ms")
    assert met.measured == "2.0 ms (1.0 to 300.0)"
    [missed] = on_demand.figures([51.0])
    assert missed.met is False
    assert "100 rows made on the spot at offset 7,000,000,000" in missed.what


def test_a_round_of_pages_gives_the_figure() -> None:
    said: list[str] = []
    [figure] = on_demand.measure(1, said.append)
    assert figure.met is not None
    assert said
