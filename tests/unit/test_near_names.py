"""An unknown name is told what its writer probably meant."""

from __future__ import annotations

from rowmill.near_names import near_name, near_names

TABLES = ["orders", "order_lines", "customers", "stores"]


def test_a_misspelling_is_near_and_another_word_is_not() -> None:
    assert near_name("ordres", TABLES) == "orders"
    assert near_name("weather", TABLES) is None
    assert near_name("orders", []) is None


def test_the_nearest_come_first_and_only_so_many() -> None:
    assert near_names("order", TABLES)[:2] == ["orders", "order_lines"]
    assert near_names("order", TABLES, most=1) == ["orders"]
    assert near_names("ordres", TABLES, alike=0.9) == []
