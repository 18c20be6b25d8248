"""Types are read as Postgres reads them, and what is none of ours is refused with what is near."""

from __future__ import annotations

import pytest

from rowmill.spec.load import load_spec
from rowmill.spec.values.types import TypeName, parse_type
from tests.unit.spec.manifests import with_columns

# Beside each of ours, how Postgres writes it too.
SYNONYMS = {
    "boolean": ["bool", "BOOL"],
    "smallint": ["int2"],
    "integer": ["int", "int4", " INTEGER ", "Int"],
    "bigint": ["int8"],
    "real": ["float4", "float(1)", "float(24)"],
    "double precision": ["float8", "float", "float(25)", "FLOAT (53)", "double \t\n precision"],
    "numeric(10,2)": ["decimal(10,2)", "dec(10, 2)", "Numeric ( 10 , 2 )", "numeric(010,2)"],
    "numeric(10,0)": ["numeric(10)", "decimal(10)"],
    "varchar": ["character varying", "char varying", "NCHAR VARYING"],
    "varchar(20)": [
        "character varying(20)",
        "Character  Varying (20)",
        "national character varying(20)",
    ],
    "char(1)": ["char", "character", "nchar", "national char"],
    "char(2)": ["character(2)", "bpchar(2)", "national character(2)"],
    "time": ["time without time zone"],
    "timestamp": ["timestamp without time zone"],
    "timestamptz": ["timestamp with time zone", "Timestamp With  Time Zone"],
    "integer[]": ["int[]", "int4 [ ]", "int[3]", "integer array", "integer ARRAY[4]"],
    "varchar(20)[]": ["character varying(20)[]"],
    "timestamptz[]": ["timestamp with time zone[]"],
}
REFUSED = {
    "string": "text, or varchar(n) with a length",
    "str": "text, or varchar(n) with a length",
    "datetime": "timestamp, or timestamptz for moments in time",
    "double": "double precision",
    "long": "bigint",
    "uint": "bigint",
    "bigint unsigned": "bigint",
    "number": "numeric(p,s), for example numeric(10,2)",
    "number(10,2)": "numeric(p,s), for example numeric(10,2)",
    "blob": "bytea",
    "serial": "integer with `generate: {sequence: {}}`, which counts up as it does",
    "BIGSERIAL": "bigint with `generate: {sequence: {}}`, which counts up as it does",
    "money": "numeric(19,4)",
    "timetz": "time",
    "time with time zone": "time",
    "array<int>": "an array such as text[]",
    "varchar(max)": "varchar",
    "integr": "integer",
    "timestmp": "timestamp",
    "timestamp with timezone": "timestamptz",
    "interval year to month": "interval",
    "text[] array": "text",
    "character(3) varying": "varchar(n)",
}
UNFIT = {
    "decimal": "needs its digits: write numeric(p,s), for example numeric(10,2)",
    "numeric(10,-2)": "is out of range: numeric(p,s) takes 1 <= p <= 38 and 0 <= s <= p",
    "float(54)": "is out of range: float(p) takes 1 to 24 binary digits for real, "
    "and up to 53 for double precision",
    "bpchar": "needs one length: write char(n), for example char(20)",
    "varchar(0)": "is out of range: the length is 1 to 10485760",
    "timestamp(3)": "has a precision, and cells have microseconds; use timestamp",
    "time(0) without time zone": "has a precision, and cells have microseconds; use time",
    "int(11)": "has a size, and int has none; use integer",
    "int[][]": "is an array of arrays; use one dimension, such as text[]",
}


@pytest.mark.parametrize(
    ("ours", "theirs"), [(ours, word) for ours, words in SYNONYMS.items() for word in words]
)
def test_a_synonym_is_the_type_itself(ours: str, theirs: str) -> None:
    assert parse_type(theirs) == parse_type(ours)
    assert parse_type(ours).sql == ours


@pytest.mark.parametrize("name", list(TypeName))
def test_every_type_is_read_from_its_own_text(name: TypeName) -> None:
    text = {"numeric": "numeric(5,2)", "char": "char(1)"}.get(name, name.value)
    assert parse_type(text).sql == text
    assert parse_type(f"{text}[]").sql == f"{text}[]"


@pytest.mark.parametrize(("word", "right"), REFUSED.items())
def test_a_type_of_others_is_refused_with_what_is_near(word: str, right: str) -> None:
    with pytest.raises(ValueError, match="is no column type") as caught:
        parse_type(word)
    assert str(caught.value) == f'"{word}" is no column type; use {right}'


@pytest.mark.parametrize(("text", "why"), UNFIT.items())
def test_what_a_type_here_cannot_hold_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r" (is|has|needs) ") as caught:
        parse_type(text)
    assert str(caught.value) == f'"{text}" {why}'


@pytest.mark.parametrize("text", ["", "[]", '"char"', "\u212alob", "foo"])
def test_what_is_near_to_nothing_is_refused_with_all_types(text: str) -> None:
    with pytest.raises(ValueError, match=r"use boolean, smallint, .* such as text\[\]"):
        parse_type(text)


def test_a_synonym_changes_neither_digest_nor_columns() -> None:
    plain = "[{name: id, type: bigint}, {name: at, type: timestamptz}, {name: mark, type: char(1)}]"
    other = "[{name: id, type: INT8}, {name: at, type: timestamp with time zone}, "
    other += "{name: mark, type: char}]"
    specs = [
        load_spec(
            "",
            text="{apiVersion: rowmill.dev/v1alpha1, kind: Experiment, metadata: {name: t}, spec: "
            f"{{tables: [{{name: t, rows: 9, columns: {columns}}}], destinations: "
            "{postgres: {}}}}",
        )
        for columns in (plain, other)
    ]
    assert specs[0] == specs[1]


def test_a_varchar_without_a_length_is_filled_like_text() -> None:
    named, free = (
        with_columns(f"name: email, type: {word}", "name: id, type: bigint").columns[0].kind
        for word in ("varchar", "text")
    )
    assert named == free
