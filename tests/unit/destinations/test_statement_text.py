"""Which statements can be put into parentheses, and where their text ends."""

import pytest

from rowmill.destinations.postgres.read.statement_text import selected


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("select 1", "select 1"),
        (" select 1 ; ", " select 1 "),
        ("select ';' ;; -- it's", "select ';' "),
        ("/* a ; /* b ; */ select */ VALUES (1);", "/* a ; /* b ; */ select */ VALUES (1)"),
        ("-- ; select\n(table t);", "-- ; select\n(table t)"),
        ("with a as (select 1) table a;", "with a as (select 1) table a"),
        (r"select E'\';', 'a\';", r"select E'\';', 'a\'"),
        ("select 'it''s;', \"a\"\";\";", "select 'it''s;', \"a\"\";\""),
        ("select $$;$$, $a$ $$;$b$ $a$;", "select $$;$$, $a$ $$;$b$ $a$"),
        ("select a$b$ ; c$b$", "select a$b$ "),
        ("select $1;", "select $1"),
        ("select date'2020-01-01';", "select date'2020-01-01'"),
        ("select /* never ends ;", "select /* never ends ;"),
        ("select $a$ never ends ;", "select $a$ never ends ;"),
    ],
)
def test_a_select_is_taken_to_its_semicolon(text: str, rest: str) -> None:
    assert selected(text) == rest


@pytest.mark.parametrize(
    "text",
    ["", ";", "show all", "explain select 1", "/* select */ delete from t", "'select'", "selects"],
)
def test_of_all_else_no_table_can_be_made(text: str) -> None:
    assert selected(text) is None
