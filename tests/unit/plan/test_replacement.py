"""What a run replaces, what replaced a complete one, and how both are said."""

from __future__ import annotations

from rowmill.plan.replacement import Replaced, replaced_by, with_replaced


def test_a_replaced_run_is_named_with_its_rows() -> None:
    assert str(Replaced(1, 10_000_000)) == "run 1 (10,000,000 rows)"
    assert str(Replaced(2, 1)) == "run 2 (1 row)"
    assert str(Replaced(3, 0, owner="here/team/shop")) == "run 3 of here/team/shop (0 rows)"


def test_its_document_names_an_owner_only_if_that_is_another() -> None:
    assert Replaced(1, 5).to_json() == {"run": 1, "rows": 5}
    assert Replaced(1, 5, owner="o").to_json() == {"run": 1, "rows": 5, "owner": "o"}


def test_the_tables_that_go_are_named_up_to_five() -> None:
    assert Replaced(1, 5).gone_tables == ""
    assert Replaced(1, 5, gone=("a", "b")).gone_tables == "a, b"
    assert Replaced(1, 5, gone=tuple("abcdefg")).gone_tables == "a, b, c, d, e and 2 more"


def test_each_complete_run_is_replaced_by_the_next() -> None:
    assert replaced_by([]) == {}
    assert replaced_by([(1, "a")]) == {}
    assert replaced_by([(1, "a"), (3, "b"), (7, "c")]) == {1: 3, 3: 7}


def test_a_repeat_replaces_nothing_and_goes_with_the_run_that_it_repeats() -> None:
    assert replaced_by([(1, "a"), (2, "a")]) == {}
    assert replaced_by([(1, "a"), (2, "a"), (3, "b")]) == {1: 3, 2: 3}


def test_the_mark_stands_beside_a_message() -> None:
    assert with_replaced("", None) == ""
    assert with_replaced("", 2) == "replaced by run 2"
    assert with_replaced("AlreadyComplete", 2) == "AlreadyComplete; replaced by run 2"
