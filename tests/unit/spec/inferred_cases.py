"""What is inferred for columns of every type and of every name that counts, written down in short.

A column whose name says nothing stands under "by type". Under "by name" is only what differs from
that, and under "by locale" only what differs from en_US.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from rowmill.spec.drafts import ColumnDraft, Draft
from rowmill.spec.manifest.experiment import ColumnSpec, TableSpec
from rowmill.spec.manifest.generators import GenerateSpec

Infer = Callable[[ColumnDraft, str], GenerateSpec]
Entity = Callable[[str, bool], str]

# Rules begin at these lengths: there, and one below.
_BORDERS = (1, 2, 3, 6, 8, 9, 10, 15, 16, 20, 30, 40, 60, 100)
_LENGTHS = sorted({length - less for length in _BORDERS for less in (0, 1)} - {0})
STRINGS = ("text", *(f"varchar({n})" for n in _LENGTHS), "char(1)", "char(40)")
OTHERS = (
    *("smallint", "integer", "bigint", "real", "double precision"),
    *("numeric(2,0)", "numeric(4,2)", "numeric(5,0)", "numeric(5,2)", "numeric(38,10)"),
    *("boolean", "date", "time", "timestamp", "timestamptz", "interval"),
    *("uuid", "json", "jsonb", "bytea", "inet", "text[]", "varchar(9)[]", "integer[]", "inet[]"),
)
TYPES = (*STRINGS, *OTHERS)
MANY_ROWS = 2_000_000_000

NOTHING = "thing"
_WORDS = (
    "active address age amount bio birth_date birthdate birthday body born brand brand_name city "
    "color colour comment comments company company_name cost country country_code currency "
    "currency_code date_of_birth description dob e_mail email email_address employer enabled "
    "family_name file_name filename first_name forename full_name gender given_name homepage ip "
    "ip_address item_name job job_title last_name lat latitude lng login lon longitude mail mobile "
    "name note notes occupation percent percentage phone phone_number postal_code postcode price "
    "product_name profession qty quantity rating sex sku stars state status street street_address "
    "surname telephone title total town url user_name username verified website year zip zip_code "
    "zipcode "
    # Ids, the words of names in every spelling, and names that only look like those above.
    "id order_id orderId ID billing_city HomePhone Work-Email the_date_of_birth iOS_version "
    "cities name_of birthdate2 _sku_ 2"
)
NAMES = _WORDS.split()
# Rules whose provider a locale lacks fill nothing there.
LOCALES = ("de_DE", "en_PH", "fil_PH", "ja_JP")


def golden(infer: Infer, default_entity: Entity) -> dict[str, Any]:
    """All cases as plain JSON values; of each name also the entity of a person's field, and not."""
    plain = {label: _inferred(infer, NOTHING, label, "en_US") for label in _labels(TYPES)}
    texts = list(_labels(STRINGS[:1]))
    return {
        "by type": _grouped(plain),
        "by name": {name: _changes(infer, name, "en_US", plain) for name in NAMES},
        "by locale": {
            locale: {
                name: changes
                for name in (NOTHING, *NAMES)
                if (changes := _changes(infer, name, locale, _of(infer, name, texts)))
            }
            for locale in LOCALES
        },
        "entities": {name: [default_entity(name, who) for who in (True, False)] for name in NAMES},
    }


def _labels(types: tuple[str, ...]) -> list[str]:
    """Each type alone and unique, and where rows may count, unique in a table of many."""
    alone = [f"{kind}{unique}" for kind in types for unique in ("", " unique")]
    return alone + [f"{kind} unique, many rows" for kind in types if kind in ("text", "inet")]


def _of(infer: Infer, name: str, labels: list[str]) -> dict[str, object]:
    return {label: _inferred(infer, name, label, "en_US") for label in labels}


def _changes(infer: Infer, name: str, locale: str, other: dict[str, object]) -> dict[str, object]:
    found = {label: _inferred(infer, name, label, locale) for label in other}
    return _grouped({label: each for label, each in found.items() if each != other[label]})


def _inferred(infer: Infer, name: str, label: str, locale: str) -> object:
    kind, _, unique = label.partition(" unique")
    column = draft_of(name, kind, unique=" unique" in label, rows=MANY_ROWS if unique else 3)
    member, value = infer(column, locale).member
    given = value.model_dump(mode="json", exclude_none=True) if _is_model(value) else value
    return {member: given}


def _is_model(value: object) -> bool:
    return isinstance(value, BaseModel)


def draft_of(name: str, kind: str, *, unique: bool, rows: int) -> ColumnDraft:
    """A column without a generator in a table of so many rows."""
    spec = ColumnSpec.model_validate({"name": name, "type": kind})
    table = Draft(TableSpec.model_construct(name="t", rows=rows), ("spec", "tables", 0))
    table.rows = rows
    return ColumnDraft(spec, (), table, wants_unique=("unique",) if unique else None)


def _grouped(found: dict[str, object]) -> dict[str, object]:
    """The labels of each value, joined, in the order of the first of them."""
    groups: list[tuple[list[str], object]] = []
    for label, value in found.items():
        for labels, other in groups:
            if other == value:
                labels.append(label)
                break
        else:
            groups.append(([label], value))
    return {"; ".join(labels): value for labels, value in groups}
