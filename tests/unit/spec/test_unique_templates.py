"""A template that is taken for unique has no two rows with one text, whatever its other fields."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.spec.manifests import column_problems

WORDS = ["".join(letters) for size in range(3) for letters in product("1a.", repeat=size)]
DOTLESS = [word for word in WORDS if "." not in word]
KEYS = ["".join(letters) for size in range(1, 3) for letters in product("12", repeat=size)]
ANYS = ["".join(letters) for size in range(1, 3) for letters in product("1.", repeat=size)]
COLUMNS = (
    "name: key, type: text, unique: true, generate: {pattern: '[12]{1,2}'}",
    "name: any, type: text, unique: true, generate: {pattern: '[1.]{1,2}'}",
    "name: left, type: text, generate: {pattern: '[1a.]{0,2}'}",
    "name: right, type: text, generate: {pattern: '[1a.]{0,2}'}",
    "name: dotless, type: text, generate: {pattern: '[1a]{0,2}'}",
)

words = st.sampled_from(["{left}", "{dotless}", "1", "a", ".", "b"])


def accepted(template: str) -> bool:
    found = column_problems(
        *COLUMNS,
        f"name: t, type: text, unique: true, generate: {{template: '{template}'}}",
        table="rows: 6",
    )
    assert all("keeps it unique" in problem for problem in found)
    return not found


def collides(template: str, name: str, keys: list[str]) -> bool:
    owner: dict[str, str] = {}
    for key, left, dotless in product(keys, WORDS, DOTLESS):
        text = template.format(**{name: key}, left=left, dotless=dotless)
        if owner.setdefault(text, key) != key:
            return True
    return False


@pytest.mark.parametrize(("name", "keys"), [("key", KEYS), ("any", ANYS)])
@settings(max_examples=300)
@given(parts=st.lists(st.one_of(words, st.just("KEY")), max_size=7))
def test_accepted_templates_never_collide(name: str, keys: list[str], parts: list[str]) -> None:
    template = "".join(parts).replace("KEY", f"{{{name}}}")
    if accepted(template):
        assert not collides(template, name, keys)


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
        "{left}b{any}b{right}",
        "{any}.{dotless}",
        "{dotless}.{any}",
        "x{any}.a{dotless}",
        "{left}b{any}.{dotless}",
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
        "{any}.{left}",
        "{left}.{any}",
        "{left}a{any}.{right}",
        "{any}1{dotless}",
        "{any}..{dotless}",
        "{left}.{any}.{dotless}",
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


@pytest.mark.parametrize(("template", "depth"), [("{%s}x", 400), ("{%s}{%s|title}", 40)])
def test_what_a_long_chain_of_templates_holds_is_known(template: str, depth: int) -> None:
    chain = [
        f"name: c{n}, type: text, generate: {{template: '{template.replace('%s', f'c{n + 1}')}'}}"
        for n in range(depth)
    ]
    columns = (
        "name: own, type: text, unique: true, generate: {pattern: '[1aA]{1,2}'}",
        *chain,
        f"name: c{depth}, type: text, generate: {{pattern: '[ab]'}}",
    )
    for mark, fits in (("-", True), ("a", False), ("A", "title" not in template)):
        text = f"name: t, type: text, unique: true, generate: {{template: '{{own}}{mark}{{c0}}'}}"
        assert (column_problems(*columns, text, table="rows: 6") == []) == fits
