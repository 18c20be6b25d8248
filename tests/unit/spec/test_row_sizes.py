"""Rows and index entries that fit no page of Postgres: refused if none fits, else warned of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rowmill.spec.load import load_spec
from rowmill.spec.patterns.compression import pattern_kept, random_text_kept
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.rules.warnings import manifest_warnings

Table = dict[str, Any]
LONG = {"pattern": "[a-zA-Z0-9]{4000}"}


def column(name: str, type_text: str = "text", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_text, **more}


def table(name: str, *columns: dict[str, Any], **more: Any) -> Table:
    return {"name": name, "rows": 10, "columns": columns, **more}


def said(*tables: Table, **destinations: Any) -> tuple[list[str], list[str]]:
    """What is refused and what is warned of, in a manifest for Postgres unless it says others."""
    document = {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": {"tables": tables, "destinations": destinations or {"postgres": {}}},
    }
    try:
        spec = load_spec("test", text=json.dumps(document))
    except InvalidManifest as error:
        return [str(problem) for problem in error.problems], []
    return [], [str(each) for each in manifest_warnings(spec)]


def refused(*tables: Table, **destinations: Any) -> list[str]:
    return said(*tables, **destinations)[0]


def warned(*tables: Table, **destinations: Any) -> list[str]:
    problems, warnings = said(*tables, **destinations)
    assert problems == []
    return warnings


def test_every_key_and_index_is_looked_at_where_it_stands() -> None:
    long = column("a", generate=LONG)
    for more, place in (
        ({"primaryKey": ["a"]}, "primaryKey"),
        ({"unique": [["a"]]}, "unique[0]"),
        ({"indexes": [["b"], ["b", "a"]]}, "indexes[1]"),
    ):
        [problem] = refused(table("t", long, column("b", "bigint"), **more))
        assert problem.startswith(f"spec.tables[0].{place}: an entry has at least ")
    [problem] = refused(table("t", {**long, "unique": True}))
    assert problem.startswith("spec.tables[0].columns[0].unique: an entry has at least 3,992 bytes")


def test_of_several_columns_the_widest_is_named() -> None:
    columns = column("a", generate={"pattern": "[a-z]{9}"}), column("b", generate=LONG)
    [problem] = refused(table("t", *columns, indexes=[["a", "b"]]))
    assert '3,983 of them for "b"' in problem


def test_only_what_postgres_gets_counts() -> None:
    keyed = table("t", column("a", generate=LONG, unique=True))
    indexed = table("t", column("a", generate=LONG), indexes=[["a"]])
    wide = table("t", *(column(f"c{n}", "bigint") for n in range(1100)))
    for each in (keyed, indexed, wide):
        assert refused(each, parquet={"bucket": "lake"}) == []
        assert refused(each) != []
    assert refused(keyed, postgres={"constraints": "keys"}) != []
    assert refused(indexed, postgres={"constraints": "keys"}) == []
    assert refused(keyed, postgres={"constraints": "none"}) == []
    assert refused(wide, postgres={"constraints": "none"}) != []


def test_of_a_table_without_rows_nothing_is_refused() -> None:
    keyed = {**table("t", column("a", generate=LONG, unique=True)), "rows": 0}
    assert said(keyed) == ([], [])


def test_a_null_is_the_least_that_a_column_holds() -> None:
    [warning] = warned(table("t", column("a", generate=LONG, nulls=0.1), indexes=[["a"]]))
    assert "an entry may have 4,024 bytes" in warning


@pytest.mark.parametrize(
    "generate",
    [
        {"pattern": "[a-z]{1,4000}"},
        {"pattern": "x|[a-z]{4000}"},
        {"pattern": "[ab]{3000}"},
        {"choice": {"values": ["a", "b" * 3000]}},
        {"faker": {"provider": "text", "args": {"max_nb_chars": 5000}}},
    ],
)
def test_what_may_be_too_long_and_need_not_is_a_warning(generate: dict[str, Any]) -> None:
    [warning] = warned(table("t", column("a", generate=generate), indexes=[["a"]]))
    assert warning.startswith("spec.tables[0].indexes[0]: an entry may have ")


@pytest.mark.parametrize(
    ("type_text", "generate"),
    [
        ("text", {"pattern": "[a-zA-Z0-9]{2692}"}),
        ("text", {"faker": {"provider": "name"}}),
        ("varchar(9000)", {"faker": {"provider": "name"}}),
        ("char(2000)", {"pattern": "[a-z]{3}"}),
        ("numeric(38,0)", {"number": {"min": 0, "max": 9}}),
    ],
)
def test_what_fits_and_what_is_not_known_are_not_told(
    type_text: str, generate: dict[str, Any]
) -> None:
    assert warned(table("t", column("a", type_text, generate=generate), indexes=[["a"]])) == []


@pytest.mark.parametrize(
    ("generate", "size"),
    [
        ({"pattern": "[\u0100-\u07ff]{600}"}, "3,216"),
        ({"choice": {"values": ["\u0100" * 700, "b"]}}, "3,312"),
        ({"template": "\u0100\u0100{c}"}, "3,320"),
    ],
)
def test_a_char_is_filled_to_its_characters_not_to_its_bytes(
    generate: dict[str, Any], size: str
) -> None:
    filled = column("a", "char(2600)", generate=generate)
    wide = column("c", "char(2000)", generate={"pattern": "[\u0100-\u07ff]{701}"})
    [warning] = warned(table("t", filled, wide, indexes=[["a"]]))
    assert f"an entry may have {size} bytes" in warning


def test_of_ascii_a_char_is_as_long_as_its_type() -> None:
    for generate in ({"pattern": "[a-z]{1,2600}"}, {"template": "x{c}"}):
        filled = column("a", "char(2680)", generate=generate)
        few = column("c", "text", generate={"pattern": "[a-z]{0,9}"})
        assert warned(table("t", filled, few, indexes=[["a"]])) == []


def test_elements_of_an_array_of_char_are_filled_too() -> None:
    values = {"choice": {"values": ['["a", "b"]', "[]"]}}
    [warning] = warned(table("t", column("a", "char(1400)[]", generate=values), indexes=[["a"]]))
    assert "an entry may have 2,840 bytes" in warning
    drawn = {"array": {"of": {"choice": {"values": ["a"]}}, "min": 0, "max": 2}}
    [warning] = warned(table("t", column("a", "char(1400)[]", generate=drawn), indexes=[["a"]]))
    assert "an entry may have 2,840 bytes" in warning


@pytest.mark.parametrize(
    ("provider", "args", "locale", "size"),
    [
        ("lexify", {"text": "?" * 4000}, "en_US", "4,016"),
        ("bothify", {"text": "?#" * 2000}, "en_US", "4,016"),
        ("lexify", {"text": "?" * 1000, "letters": "\u3042"}, "en_US", "3,016"),
        ("pystr", {"prefix": "a" * 3000, "max_chars": 10}, "en_US", "3,024"),
        ("pystr", {"prefix": "a" * 3000}, "en_US", "3,056"),
        ("text", {"max_nb_chars": 2600}, "ja_JP", "7,816"),
        ("text", {"max_nb_chars": 2600}, "ru_RU", "5,216"),
        ("text", {"max_nb_chars": 2600}, "cs_CZ", "3,264"),
        ("uri_path", {"deep": 2000}, "ja_JP", "24,016"),
        ("hostname", {"levels": 200}, "en_US", "4,016"),
    ],
)
def test_arguments_of_faker_say_how_long_a_text_may_be(
    provider: str, args: dict[str, Any], locale: str, size: str
) -> None:
    faker = {"faker": {"provider": provider, "args": args, "locale": locale}}
    [warning] = warned(table("t", column("a", generate=faker), indexes=[["a"]]))
    assert f"an entry may have {size} bytes" in warning


@pytest.mark.parametrize(
    ("provider", "args", "locale"),
    [
        ("text", {"max_nb_chars": 2600}, "en_US"),
        ("english_text", {"max_nb_chars": 2600}, "en_PH"),
        ("text", {"max_nb_chars": 800}, "ja_JP"),
        ("lexify", {"text": "??", "letters": "a" * 3000}, "en_US"),
        ("uri_path", {"deep": 3}, "en_US"),
    ],
)
def test_short_texts_of_faker_are_not_told(
    provider: str, args: dict[str, Any], locale: str
) -> None:
    faker = {"faker": {"provider": provider, "args": args, "locale": locale}}
    assert warned(table("t", column("a", generate=faker), indexes=[["a"]])) == []


def test_a_value_taken_from_another_column_is_as_long_as_there() -> None:
    code = {"pattern": "[a-z]{1400}"}
    parents = table("parents", column("code", generate=code, unique=True))
    link = column("parent", references={"table": "parents", "column": "code"})
    copied = column("copied", generate={"parent": {"via": "parent", "column": "code"}})
    assert said(parents, table("t", link, copied)) == ([], [])
    [problem] = refused(parents, table("t", link, copied, indexes=[["parent", "copied"]]))
    assert problem.startswith("spec.tables[1].indexes[0]: an entry has at least 2,7")


def test_a_template_is_as_long_as_its_parts() -> None:
    columns = (
        column("code", generate={"pattern": "[a-z]{2000}"}),
        column("wide", generate={"template": "{code}-{code|upper}"}),
        column("long", generate={"template": "{other}/"}),
        column("other", generate=LONG),
    )
    assert len(warned(table("t", *columns, indexes=[["wide"]]))) == 1
    assert len(refused(table("t", *columns, indexes=[["long"]]))) == 1


def test_of_a_wide_row_nulls_leave_room() -> None:
    columns = [column(f"c{n}", "bigint", nulls=0.5) for n in range(1100)]
    [warning] = warned(table("t", *columns))
    assert warning.startswith("spec.tables[0].columns: a row may have 8,968 bytes in Postgres")


def test_it_is_told_with_all_other_problems() -> None:
    wide = table("t", *(column(f"c{n}", "bigint") for n in range(1100)))
    other = table("u", column("a", references={"table": "nowhere", "column": "id"}))
    assert len(refused(wide, {**other, "columns": [column("a", generate={"ordinal": {}})]})) == 2


def test_compression_leaves_random_text_nearly_as_it_is_and_others_not_at_all() -> None:
    assert 2_600 < random_text_kept(62, 2_700) <= 2_700
    assert random_text_kept(10, 2_700) < 1_500
    assert random_text_kept(1, 2_700) == 0
    assert pattern_kept("[a-zA-Z0-9]{2700}") == random_text_kept(62, 2_700)
    # However the branches are drawn, one is a single string.
    assert pattern_kept("[a-z]{3000}|x") == 0
    assert pattern_kept("a{4000}") == 0


def test_a_long_chain_of_templates_needs_no_recursion() -> None:
    chain = [column(f"a{n}", generate={"template": f"{{a{n + 1}}}-x"}) for n in range(1500)]
    [problem] = refused(table("t", *chain, column("a1500", "uuid")))
    assert problem.startswith("spec.tables[0].columns: a row has at least 21,272 bytes")


WIDE = [column(f"c{n}", "bigint") for n in range(1100)]
ROW = "spec.tables[0].columns: a row has at least 8,824 bytes"


def test_a_row_that_is_too_long_is_told_with_all_else_that_is_wrong() -> None:
    problems = refused(table("t", *WIDE, column("bad", "strang"), primaryKey=["c0", "nowhere"]))
    assert [problem.split("; ")[0].split(" in Postgres")[0] for problem in problems] == [
        ROW,
        'spec.tables[0].columns[1100].type: "strang" is no column type',
        'spec.tables[0].primaryKey[1]: table "t" has no column "nowhere"',
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"primaryKey": ["c0", "nowhere"]},
        {"unique": [["nowhere"]]},
        {"unique": [[["c0"]]]},
        {"indexes": [["nowhere"]]},
        {"primaryKey": {}},
    ],
)
def test_a_row_that_is_too_long_is_told_whatever_keys_are_wrong(more: dict[str, Any]) -> None:
    problems = refused(table("t", *WIDE, **more))
    assert len(problems) == 2
    assert len([problem for problem in problems if problem.startswith(ROW)]) == 1


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        # Its type may be another once it is mended, or its cells null.
        ([column(f"c{n}", "bigimt") for n in range(900)], {}),
        ([column(f"c{n}", "bigint", generate={"boolean": {}}) for n in range(900)], {}),
        ([column(f"c{n}", "bigint", nulls="half") for n in range(900)], {}),
        (
            [column(f"c{n}", "bigint", references={"table": "s", "column": "id"}) for n in range(9)]
            + WIDE[9:1012],
            {},
        ),
        (WIDE[:1015], {"foreignKeys": "none"}),
        (WIDE[:1015], {"rows": "many"}),
    ],
)
def test_no_row_is_too_long_that_may_fit_once_all_else_is_mended(
    columns: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    problems = refused(table("t", *columns, **more))
    assert problems
    assert not any("a row has" in problem for problem in problems)
