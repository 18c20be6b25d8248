"""What a console takes is held against its bars."""

from __future__ import annotations

from tests.bench import console
from tests.bench.console import Downloads


def test_the_median_page_of_the_list_is_held_against_its_bar_and_the_first_told() -> None:
    met = console.list_figure(700.0, [60.0, 70.0, 300.0])
    assert (met.met, met.reach) == (True, "under 100 ms")
    assert met.measured == "70 ms (60 to 300); a new console's first 700 ms"
    assert console.list_figure(1.0, [100.0]).met is False


def test_the_median_page_of_rows_is_held_against_its_bar() -> None:
    met = console.rows_figure([5.0, 6.0, 300.0])
    assert (met.met, met.measured) == (True, "6.0 ms (5.0 to 300.0)")
    assert "100 at offset 7,000,000,000 of 10,000,000,000" in met.what
    assert console.rows_figure([50.0]).met is False


def test_csv_is_held_against_psql_and_the_consoles_memory() -> None:
    time, memory = console.csv_figures(5_000_000, Downloads([3.0, 3.0], [2.0, 2.5], 150 * 2**20))
    assert (time.met, memory.met) == (True, True)
    assert time.measured.startswith("1.33 times: 3.0 s")
    assert "5 M rows" in time.what
    assert memory.measured == "150 MiB"
    time, memory = console.csv_figures(5_000_000, Downloads([4.0], [2.0], 200 * 2**20))
    assert (time.met, memory.met) == (False, False)


def test_many_watchers_are_held_against_a_part_of_a_core() -> None:
    met = console.watched_figure(0.7, 20.0, 50 * 20)
    assert (met.met, met.reach) == (True, "under 4 %")
    assert met.measured == "3.5 % in 20 s, 1.0 events/s a client"
    assert console.watched_figure(0.8, 20.0, 1).met is False
