"""A template that is taken for unique has no two rows with one text, whatever its other fields."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import column_problems

WORDS = ["".join(letters) for size in range(3) for letters in product("1a.", repeat=size)]
KEYS = ["".join(letters) for size in range(1, 3) for letters in product("12", repeat=size)]
COLUMNS = (
    "name: key, type: text, unique: true, generate: {pattern: '[12]{1,2}'}",
    "name: left, type: text, generate: {pattern: '[1a.]{0,2}'}",
    "name: right, type: text, generate: {pattern: '[1a.]{0,2}'}",
)

pieces = st.lists(st.sampled_from(["{key}", "{left}", "{right}", "1", "a", ".", "b"]), max_size=7)


def accepted(template: str) -> bool:
    found = column_problems(
        *COLUMNS,
        f"name: t, type: text, unique: true, generate: {{template: '{template}'}}",
        table="rows: 6",
    )
    assert all("keeps it unique" in problem for problem in found)
    return not found


def collides(template: str) -> bool:
    owner: dict[str, str] = {}
    for key, left, right in product(KEYS, WORDS, WORDS):
        text = template.format(key=key, left=left, right=right)
        if owner.setdefault(text, key) != key:
            return True
    return False


@settings(max_examples=300)
@given(pieces)
def test_accepted_templates_never_collide(parts: list[str]) -> None:
    template = "".join(parts)
    if accepted(template):
        assert not collides(template)


@pytest.mark.parametrize(
    "template",
    [
        "{key}",
        "x{key}y",
        "{left}b{key}",
        "{key}b{right}",
        "{left}b{key}.com",
        "{left}a{key}b{right}",
        "{left}{right}.{key}",
        "{key}-{key}",
        "{left}b{key}a{right}",
        "{left|upper}b{key}",
        "{key}b{left|upper}c{right|lower}",
        "{key}.{left|slug}",
    ],
)
def test_templates_that_keep_a_key_apart(template: str) -> None:
    assert accepted(template)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{left}",
        "{left}{key}",
        "{key}{right}",
        "{left}1{key}",
        "{left}.{key}.{right}",
        "{key|upper}",
        "{key|pad:4}",
    ],
)
def test_templates_that_do_not(template: str) -> None:
    assert not accepted(template)


def test_padding_keeps_integers_apart_but_not_texts() -> None:
    columns = (
        "name: id, type: bigint, unique: true",
        "name: code, type: text, unique: true, generate: {template: 'N{id|pad:3}'}",
    )
    assert column_problems(*columns) == []
