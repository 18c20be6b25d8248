"""What of a template is part of an e-mail address or a host name, and how its slugs are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.spec.templates.addresses import LABEL, LOCAL_PART, shortened, stretches
from rowmill.spec.templates.placeholders import parse_template
from tests.unit.spec.manifests import problems


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{a|slug}@example.com", [("a", 0, LOCAL_PART)]),
        ("{a|slug}.{b}@example.com", [("ab", 1, LOCAL_PART)]),
        ("{b|pad:8}-{a|slug}+x@{b}.org", [("ba", 3, LOCAL_PART)]),
        ("{a} <{a|slug}.{b|slug}@x.org>", [("ab", 1, LOCAL_PART)]),
        ('{{"mail": "é{a|slug}@x.org", "id": "{b|slug}"}}', [("a", 2, LOCAL_PART)]),
        ("{a|slug}@x.org, {b|slug}@x.org", [("a", 0, LOCAL_PART), ("b", 0, LOCAL_PART)]),
        ("{a}@{b|slug}-de.example.com", [("b", 3, LABEL)]),
        ("{a|slug}@{b|slug}.com", [("a", 0, LOCAL_PART), ("b", 0, LABEL)]),
        ("https://{a|slug}.{b|slug}/{b|slug}", [("a", 0, LABEL), ("b", 0, LABEL)]),
        ("ftp://{a|slug}@{b|slug}", [("a", 0, LOCAL_PART), ("b", 0, LABEL)]),
        ("{a|slug}", []),
        ("/{a|slug}/{b}", []),
        ("{a}.{b}@example.com", []),
        ("@{a|upper}", []),
        ("to {a|slug} or @home", []),
        ("no field", []),
    ],
)
def test_stretches(template: str, found: list[tuple[str, int, int]]) -> None:
    parsed, _ = parse_template(template, ("a", "b"))
    assert parsed is not None
    names = [part.column for part in parsed if not isinstance(part, str)]
    assert [("".join(names[s.first : s.end]), s.fixed, s.most) for s in stretches(parsed)] == found


SLUG = st.text("ab1-", min_size=1, max_size=90).map(lambda text: text.strip("-") or "x")
FIELDS = st.lists(
    st.one_of(
        st.tuples(SLUG, st.just(True)), st.tuples(st.text("aé.", max_size=9), st.just(False))
    ),
    min_size=1,
    max_size=5,
)


@given(FIELDS, st.integers(60, 64))
def test_slugs_are_cut_to_the_room_and_nothing_else(
    fields: list[tuple[str, bool]], room: int
) -> None:
    texts, slugs = [text for text, _ in fields], [slug for _, slug in fields]
    short = shortened(texts, slugs, room)
    needed = sum(len(text.encode()) for text, slug in fields if not slug)
    assert sum(len(text.encode()) for text in short) <= max(room, needed + sum(slugs))
    if sum(len(text.encode()) for text in texts) <= room:
        assert short == texts
    for before, after, slug in zip(texts, short, slugs, strict=True):
        assert before.startswith(after)
        assert after == before or (slug and after and not after.endswith("-"))
        assert not slug or len(before) > (room - needed) // sum(slugs) or after == before


def test_a_slug_has_what_a_shorter_one_leaves() -> None:
    assert shortened(["a" * 80, "b" * 10], [True, True], 60) == ["a" * 50, "b" * 10]
    assert shortened(["a" * 10, "b" * 80], [True, True], 60) == ["a" * 10, "b" * 50]
    assert shortened(["a" * 80, "b" * 80], [True, True], 60) == ["a" * 30, "b" * 30]
    assert shortened(["a" * 9 + "-b", "c" * 20], [True, False], 30) == ["a" * 9, "c" * 20]


NAMES = "{name: name, type: text, generate: {faker: {provider: name}}}"
IDS = "{name: id, type: bigint, unique: true, generate: {sequence: {start: 1}}}"


def fits(template: str, column_type: str, data_version: int) -> bool:
    tables = (
        f"[{{name: t, rows: 1000000, columns: [{NAMES}, {IDS}, "
        f"{{name: mail, type: {column_type}, generate: {{template: '{template}'}}}}]}}]"
    )
    found = problems(tables, f"dataVersion: {data_version}")
    assert all("more than" in problem for problem in found)
    return not found


@pytest.mark.parametrize(
    ("template", "most"),
    [
        ("{name|slug}.{id}@example.com", 76),
        ("<{name|slug}.{id}@example.com>", 78),
        ("{id}.{id}.{id}.{id}.{id}.{id}.{id}.{id}.{name|slug}@example.com", 64 + 1 + 12),
        ("{id}@{name|slug}.com", 7 + 1 + 63 + 4),
    ],
)
def test_the_greatest_length_is_that_of_the_data_version(template: str, most: int) -> None:
    assert fits(template, f"varchar({most})", 2)
    assert not fits(template, f"varchar({most - 1})", 2)
    # Version 1 doesn't cut, and a name may be of any length.
    assert not fits(template, f"varchar({most})", 1)


@pytest.mark.parametrize("data_version", [1, 2])
def test_a_slug_that_cannot_be_too_long_is_not_reckoned_longer(data_version: int) -> None:
    assert fits("{id|slug}@example.com", "varchar(19)", data_version)
    assert not fits("{id|slug}@example.com", "varchar(18)", data_version)
    assert not fits("{name|slug}", "varchar(900)", data_version)


def _refusal(template: str, column_type: str, data_version: int, name: str) -> str:
    [problem] = _template_problems(template, column_type, data_version, name)
    return problem.partition(": ")[2]


def _template_problems(template: str, column_type: str, data_version: int, name: str) -> list[str]:
    tables = (
        "[{name: t, rows: 10, columns: [{name: id, type: smallint, unique: true}, "
        f"{{name: name, type: '{name}'}}, "
        f"{{name: x, type: {column_type}, generate: {{template: '{template}'}}}}]}}]"
    )
    return problems(tables, f"dataVersion: {data_version}")


def test_the_refusal_says_which_field_grows_by_how_much_and_what_cuts_it() -> None:
    template = "{name|slug}.{id}@clinic.example"
    grows = 'slug may spell a letter of "name" by up to 6 characters: 60 become 360'
    assert _refusal(template, "varchar(120)", 1, "varchar(60)") == (
        f"may have 378 characters, more than varchar(120) holds: {grows}; "
        "use a shorter template or a longer column, or `dataVersion: 2`, "
        "which cuts an address's slugs: to 79 in all"
    )
    # Where to cut would not be enough, or is done, nothing is said of it.
    for column_type, data_version in (("varchar(60)", 1), ("varchar(60)", 2)):
        told = _refusal(template, column_type, data_version, "varchar(60)")
        assert grows in told
        assert "dataVersion" not in told
    assert _refusal("{name|upper}", "varchar(60)", 1, "varchar(60)") == (
        "may have 180 characters, more than varchar(60) holds: upper may make up to 3 characters "
        'of a letter of "name": 60 become 180; use a shorter template or a longer column'
    )
    assert _refusal(template, "varchar(120)", 1, "text") == (
        'may be of any length, more than varchar(120) holds: "name" has no limit; '
        "use fields of limited length, such as varchar(n), or a column of text, or "
        "`dataVersion: 2`, which cuts an address's slugs: to 79 in all"
    )
    # What no filter makes longer needs no word.
    assert _refusal("{id}-{id}", "varchar(3)", 1, "text").startswith(
        "may have 5 characters, more than varchar(3) holds; use"
    )
