"""Postgres takes each spelling of a type for the type that it is read as here."""

from __future__ import annotations

from rowmill.destinations.postgres.printed_types import printed
from rowmill.spec.values.type_words import SPELLINGS
from rowmill.spec.values.types import parse_type
from tests.postgres_login import connect

SIZED = {
    "numeric": ["(10,2)", "(7)", "(38,38)"],
    "varchar": ["", "(20)", " ( 7 )"],
    "char": ["", "(2)"],
}
FURTHER = [
    "INTEGER",
    "Character  Varying (20)",
    "double \t precision",
    "float(1)",
    "float(24)",
    "float(25)",
    "float(53)",
    "int[]",
    "int4 [ ]",
    "int[3]",
    "integer array",
    "integer ARRAY[4]",
    "timestamp with time zone[]",
    "national character varying(20)[]",
]


def test_every_spelling_is_the_type_that_postgres_makes_of_it(database: dict[str, str]) -> None:
    spellings = [
        word + size
        for word, name in SPELLINGS.items()
        for size in SIZED.get(name, [""])
        # Without a length bpchar is a type that manifests have not.
        if word + size != "bpchar"
    ] + FURTHER
    columns = ", ".join(f"c{number} {text}" for number, text in enumerate(spellings))
    with connect(database) as connection:
        connection.execute(f"CREATE TABLE spelled ({columns})".encode())
        made = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'spelled'::regclass AND attnum > 0 ORDER BY attnum"
        ).fetchall()
        ours = ", ".join(f"c{n} {parse_type(text).sql}" for n, text in enumerate(spellings))
        connection.execute(f"CREATE TABLE ours ({ours})".encode())
        as_ours = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'ours'::regclass AND attnum > 0 ORDER BY attnum"
        ).fetchall()
    found = {text: kind for text, (kind,) in zip(spellings, made, strict=True)}
    assert found == {text: printed(parse_type(text)) for text in spellings}
    assert as_ours == made
