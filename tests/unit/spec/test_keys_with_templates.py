"""A key that is taken never repeats, if only a template or a parent's value holds what keeps it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.rows import Generator
from rowmill.spec.dataset import PickDistinct
from tests.unit.spec.manifests import problems, with_tables

WORDS = ["".join(letters) for size in range(3) for letters in product("1a.", repeat=size)]
MOST = 12
ORGS = (
    "{name: orgs, rows: 40, primaryKey: [id], columns: [{name: id, type: integer}, "
    "{name: code, type: text, unique: true, generate: {pattern: '[a-z]{6}'}}, "
    "{name: plan, type: text, generate: {choice: {values: [free, paid]}}}]}"
)
TAGS = "{name: tags, rows: 30, primaryKey: [id], columns: [{name: id, type: integer}]}"
COLUMNS = (
    "{name: org_id, type: integer, references: {table: orgs, column: id}}",
    "{name: tag_id, type: integer, references: {table: tags, column: id}}",
    "{name: line, type: smallint, generate: {ordinal: {}}}",
    "{name: code, type: text, generate: {parent: {via: org_id, column: code}}}",
    "{name: plan, type: text, generate: {parent: {via: org_id, column: plan}}}",
    "{name: left, type: text, generate: {pattern: '[1a.]{0,2}'}}",
    "{name: right, type: text, generate: {pattern: '[1a.]{0,2}'}}",
)


def tables(keys: str, templates: dict[str, str]) -> str:
    more = [
        f"{{name: {name}, type: text, generate: {{template: '{template}'}}}}"
        for name, template in templates.items()
    ]
    return (
        f"[{ORGS}, {TAGS}, {{name: items, rowsPer: {{table: orgs, mean: 6, max: {MOST}}}, "
        f"unique: {keys}, columns: [{', '.join((*COLUMNS, *more))}]}}]"
    )


def accepted(keys: str, **templates: str) -> bool:
    found = problems(tables(keys, templates))
    assert all("keeps it unique" in problem for problem in found)
    return not found


def collides(template: str) -> bool:
    """Whether two children of one parent can have one text."""
    owner: dict[str, int] = {}
    for line, left, right in product(range(1, MOST + 1), WORDS, WORDS):
        text = template.format(line=line, left=left, right=right)
        if owner.setdefault(text, line) != line:
            return True
    return False


pieces = st.lists(st.sampled_from(["{line}", "{left}", "{right}", "1", "a", ".", "b"]), max_size=6)


@settings(max_examples=200, deadline=None)
@given(pieces)
def test_accepted_templates_of_an_ordinal_never_collide(parts: list[str]) -> None:
    template = "".join(parts)
    if accepted("[[org_id, sku]]", sku=template):
        assert not collides(template)


@pytest.mark.parametrize(
    ("keys", "templates"),
    [
        ("[[org_id, sku]]", {"sku": "SKU-{line}"}),
        ("[[sku, org_id]]", {"sku": "{line|pad:3}-{left}"}),
        ("[[org_id, sku]]", {"sku": "{left}b{line}"}),
        ("[[org_id, left, sku]]", {"sku": "{line}"}),
        ("[[org_id, sku]]", {"sku": "{part}/{left|slug}", "part": "{plan}_{line}"}),
        ("[[code, line]]", {}),
        ("[[code, sku]]", {"sku": "{plan}-{line}"}),
        ("[[sku, line]]", {"sku": "{org_id}"}),
        ("[[sku, line]]", {"sku": "{code}.{left}"}),
        ("[[sku]]", {"sku": "{org_id}-{line}"}),
        ("[[org_id, sku], [org_id, tag_id]]", {"sku": "T{tag_id}"}),
        ("[[sku], [org_id, tag_id]]", {"sku": "{code}/{tag_id}"}),
    ],
)
def test_keys_that_hold_what_keeps_them_apart(keys: str, templates: dict[str, str]) -> None:
    items = with_tables(tables(keys, templates)).table("items")
    assert items.unique
    rows = Generator(with_tables(tables(keys, templates))).batch("items", 0, items.rows).to_pylist()
    for key in items.unique:
        assert len({tuple(row[name] for name in key) for row in rows}) == items.rows


@pytest.mark.parametrize(
    ("keys", "templates"),
    [
        ("[[org_id, sku]]", {"sku": "{left}{line}"}),
        ("[[org_id, sku]]", {"sku": "{line}{right}"}),
        ("[[org_id, sku]]", {"sku": "{line}1{right}"}),
        ("[[org_id, sku]]", {"sku": "{line|slug}"}),
        ("[[org_id, sku]]", {"sku": "{tag_id}"}),
        ("[[org_id, sku]]", {"sku": "{part|upper}", "part": "{line}"}),
        ("[[org_id, sku]]", {"sku": "{part|pad:3}", "part": "{line}"}),
        ("[[plan, line]]", {}),
        ("[[plan, sku]]", {"sku": "{line}"}),
        ("[[sku, left]]", {"sku": "SKU-{line}"}),
        ("[[sku]]", {"sku": "SKU-{line}"}),
        ("[[sku]]", {"sku": "{org_id}{line}"}),
        ("[[sku]]", {"sku": "{plan}-{line}"}),
        ("[[sku]]", {"sku": "{code}{line}"}),
    ],
)
def test_keys_that_do_not(keys: str, templates: dict[str, str]) -> None:
    assert not accepted(keys, **templates)


def test_a_template_over_a_reference_counts_on_the_key_that_makes_it_distinct() -> None:
    keys, templates = "[[org_id, sku], [org_id, tag_id]]", {"sku": "T{tag_id}"}
    items = with_tables(tables(keys, templates)).table("items")
    assert items.link("tag_id").pick == PickDistinct()
