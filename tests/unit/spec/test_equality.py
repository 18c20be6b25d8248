"""What Postgres takes for equal cannot be two values of a unique column."""

from __future__ import annotations

import pytest

from rowmill.spec.patterns.automaton import differs_in_end_spaces
from rowmill.spec.values.jsonb import canonical_jsonb, comparable_jsonb
from tests.unit.spec.manifests import column_problems

PADDED = "generate: {pattern: '[ab] {0,3}'}"
SPACES = "spaces at the end alone, which char(5) does not compare"


@pytest.mark.parametrize(
    ("pattern", "alike"),
    [
        ("[ab] {0,3}", True),
        ("a|b|b  ", True),
        (" {0,2}", True),
        ("a[b ]{1,2}", True),
        # All as long as each other, or apart whatever is cut.
        ("[ab ]{3}", False),
        ("a |bb  ", False),
        (" {0,2}x", False),
        ("a( b)?", False),
    ],
)
def test_patterns_whose_strings_differ_in_end_spaces_alone(pattern: str, alike: bool) -> None:
    assert differs_in_end_spaces(pattern) is alike


@pytest.mark.parametrize("key", ["", "primaryKey: [a]", "unique: [[a]]"])
def test_a_unique_char_is_refused_spaces_at_the_end(key: str) -> None:
    unique = "" if key else "unique: true,"
    table = f"rows: 8, {key}" if key else "rows: 8"
    [problem] = column_problems(f"name: a, type: char(5), {unique} {PADDED}", table=table)
    assert SPACES in problem
    assert column_problems(f"name: a, type: varchar(5), {unique} {PADDED}", table=table) == []


def test_a_char_that_may_repeat_may_end_in_spaces() -> None:
    assert column_problems(f"name: a, type: char(5), {PADDED}", table="rows: 8") == []


@pytest.mark.parametrize(
    ("template", "refused"),
    [("{p}", True), ("x{p}  ", True), ("{t}", True), ("{p}.", False), ("{id}.{p}", False)],
)
def test_a_unique_char_is_refused_a_template_told_apart_by_spaces(
    template: str, refused: bool
) -> None:
    found = column_problems(
        "name: id, type: smallint, generate: {integer: {min: 1, max: 8}}, unique: true",
        f"name: p, type: text, unique: true, {PADDED}",
        "name: t, type: text, unique: true, generate: {template: '{p}'}",
        f"name: a, type: char(20), unique: true, generate: {{template: '{template}'}}",
        table="rows: 8",
    )
    assert [SPACES.replace("5", "20") in problem for problem in found] == [True] * refused


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('{"a":1}', '{"a": 1.0}'),
        ("[0, -0.00]", "[0.0, 0]"),
        ('{"a": 10, "b": 1e2}', '{"b": 100.00, "a": 10.0}'),
    ],
)
def test_numbers_of_jsonb_are_compared_by_value(left: str, right: str) -> None:
    assert canonical_jsonb(left) != canonical_jsonb(right)
    assert comparable_jsonb(canonical_jsonb(left)) == comparable_jsonb(canonical_jsonb(right))


@pytest.mark.parametrize("pair", [("1", '"1"'), ("1", "true"), ("10", "1"), ("[1.50]", "[1.05]")])
def test_other_jsonb_stays_apart(pair: tuple[str, str]) -> None:
    left, right = map(canonical_jsonb, pair)
    assert comparable_jsonb(left) != comparable_jsonb(right)


@pytest.mark.parametrize(
    ("type_text", "values"),
    [("jsonb", """['{"a":1}', '{"a": 1.0}']"""), ("'jsonb[]'", """['["1"]', '["1.0"]']""")],
)
def test_a_unique_choice_has_no_two_values_that_jsonb_takes_for_one(
    type_text: str, values: str
) -> None:
    choice = f"generate: {{choice: {{values: {values}}}}}"
    column = f"name: a, type: {type_text}, {choice}"
    [problem] = column_problems(f"{column}, unique: true", table="rows: 2")
    assert "jsonb compares numbers by value" in problem
    assert column_problems(column, table="rows: 2") == []
