"""Inferred generators: what fills a column that says nothing, by its name or else its type.

The table `_BY_NAME` is the whole of it. A name counts in lower-case words joined by `_`
(`HomePhone` is `home_phone`), and its last words decide: `billing_city` is a `city`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from rowmill.spec.bounds import EXACT_INTEGERS, integer_limits, type_limits
from rowmill.spec.drafts import ColumnDraft
from rowmill.spec.manifest_kinds import FakerSpec, GenerateSpec
from rowmill.spec.providers import MAX_POOL, find_provider
from rowmill.spec.types import FLOATS, INTEGERS, STRINGS, TIMESTAMPS, ColumnType, TypeName

DEFAULT_POOL: int = FakerSpec.model_fields["pool"].default
_NUMBERS = INTEGERS | FLOATS | {TypeName.NUMERIC}
_DATES = frozenset({TypeName.DATE})
_BOOLEANS = frozenset({TypeName.BOOLEAN})


@dataclass(frozen=True)
class Rule:
    """Columns whose names end in `names`, of one of `types`, get `generate`.

    Text needs room for `length` characters. A unique column gets `unique` instead, if there is
    one, and else what its type gets.
    """

    names: str
    types: frozenset[TypeName]
    generate: Mapping[str, Any]
    length: int = 0
    unique: Mapping[str, Any] | None = None


def _faker(provider: str) -> Mapping[str, Any]:
    return {"faker": {"provider": provider}}


def _words(*values: str) -> Mapping[str, Any]:
    return {"choice": {"values": list(values)}}


def _integers(low: int, high: int) -> Mapping[str, Any]:
    return {"number": {"min": low, "max": high, "decimals": 0}}


_EMAIL = {"pattern": r"[a-z]{8}[0-9]{6}@example\.com"}
_LOGIN = {"pattern": "[a-z]{8}[0-9]{6}"}
_BY_NAME = (
    Rule("product_name item_name title", STRINGS, _faker("catch_phrase"), 40),
    Rule("company company_name brand brand_name employer", STRINGS, _faker("company"), 40),
    Rule("file_name filename", STRINGS, _faker("file_name"), 40),
    Rule("first_name given_name forename", STRINGS, _faker("first_name"), 20),
    Rule("last_name family_name surname", STRINGS, _faker("last_name"), 20),
    Rule("username user_name login", STRINGS, _faker("user_name"), 20, _LOGIN),
    Rule("name full_name", STRINGS, _faker("name"), 30),
    Rule("email e_mail email_address mail", STRINGS, _faker("email"), 30, _EMAIL),
    Rule("gender", STRINGS, _faker("gender"), 6),
    Rule("sex", STRINGS, _faker("sex"), 1),
    Rule("phone phone_number mobile telephone", STRINGS, _faker("phone_number"), 20),
    Rule("street street_address address", STRINGS, _faker("street_address"), 40),
    Rule("city town", STRINGS, _faker("city"), 30),
    Rule("country", STRINGS, _faker("country"), 40),
    Rule("country_code country", STRINGS, _faker("country_code"), 2),
    Rule("postcode postal_code zip zip_code zipcode", STRINGS, _faker("postcode"), 10),
    Rule("job job_title occupation profession", STRINGS, _faker("job"), 60),
    Rule("url website homepage", STRINGS, _faker("url"), 40),
    Rule("description comment comments note notes bio body", STRINGS, _faker("sentence"), 100),
    Rule("color colour", STRINGS, _faker("color_name"), 30),
    Rule("currency currency_code", STRINGS, _faker("currency_code"), 3),
    Rule("ip ip_address", STRINGS | {TypeName.INET}, _faker("ipv4"), 15),
    Rule("status state", STRINGS, _words("active", "inactive", "pending"), 8),
    Rule("sku", STRINGS, {"pattern": "[A-Z]{3}-[0-9]{5}"}, 9),
    Rule("age", _NUMBERS, _integers(18, 90)),
    Rule("quantity qty", _NUMBERS, _integers(1, 10)),
    Rule("rating stars", _NUMBERS, _integers(1, 5)),
    Rule("year", _NUMBERS, _integers(2000, 2025)),
    Rule("percent percentage", _NUMBERS, {"number": {"min": 0, "max": 100}}),
    Rule("price amount total cost", _NUMBERS, {"number": {"min": 1, "max": 900}}),
    Rule("latitude lat", _NUMBERS - INTEGERS, {"number": {"min": -90, "max": 90}}),
    Rule("longitude lon lng", _NUMBERS - INTEGERS, {"number": {"min": -180, "max": 180}}),
    Rule(
        "birth_date birthday birthdate date_of_birth dob born",
        _DATES,
        {"between": {"start": "1940-01-01", "end": "2006-12-31"}},
    ),
    Rule("active enabled verified", _BOOLEANS, {"boolean": {"probability": Decimal("0.9")}}),
)
# What the common names of a person's fields are, however the column's provider is called.
_PERSON_NAMES = frozenset(
    [
        "name",
        "full_name",
        "first_name",
        "given_name",
        "forename",
        "last_name",
        "family_name",
        "surname",
        "username",
        "user_name",
        "login",
        "email",
        "e_mail",
        "email_address",
        "mail",
        "gender",
        "sex",
        "prefix",
    ]
)

_FIRST_DAY, _LAST_DAY = "2020-01-01", "2025-12-31"
_DOCUMENTS = ('{"kind": "new"}', '{"kind": "old", "size": 3}', '{"kind": "new", "tags": ["a"]}')
_BYTES = ("\\x00", "\\x0102", "\\xdeadbeef", "\\xcafe")
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def infer(column: ColumnDraft, locale: str) -> GenerateSpec:
    """The generator of a column that names none."""
    unique, kind = column.wants_unique is not None, column.type
    if kind.array:
        return _generate(_Key({"array": {"of": _by_type(kind.element, False)}}))
    for rule in _suiting(column.name, kind, locale):
        wanted = rule.unique if unique else rule.generate
        if wanted is not None:
            return _generate(_Key(wanted))
    if kind.name in INTEGERS and (unique or words_of(column.name) == "id"):
        return _generate(_Key({"sequence": {}}))
    if kind.name is TypeName.INET and unique and (column.table.rows or 0) > DEFAULT_POOL:
        return _generate(_Key({"faker": {"provider": "ipv4", "pool": MAX_POOL}}))
    return _generate(_Key(_by_type(kind, unique)))


def is_passed_over(name: str, kind: ColumnType, locale: str) -> bool:
    """Whether a unique column of this name gets what its type gets, and would not otherwise."""
    rules = _suiting(name, kind, locale)
    # Addresses are addresses by their type too.
    others = bool(rules) and kind.name is not TypeName.INET and not kind.array
    return others and all(rule.unique is None for rule in rules)


def default_entity(name: str, person: bool) -> str:
    """Whose field a Faker column is: of a person's `buyer_email` the `buyer`.

    A plain `name` or `email` is of the row's one common person, "". Any other column has an entity
    of its own, so that two of them are drawn apart.
    """
    if person:
        for words in _endings(name):
            if words in _PERSON_NAMES:
                return words_of(name).removesuffix(words).rstrip("_")
    return words_of(name) or name


def words_of(name: str) -> str:
    """The name in lower-case words joined by `_`."""
    return _BORDER.sub("_", name).strip("_").lower()


def _endings(name: str) -> list[str]:
    """The last words of a name, the longest ending first: a_b_c, b_c, c."""
    words = words_of(name).split("_")
    # No rule's name is longer than three words.
    return ["_".join(words[i:]) for i in range(max(0, len(words) - 3), len(words))]


def _suiting(name: str, kind: ColumnType, locale: str) -> list[Rule]:
    """The rules for a name that can fill the type, the longest ending's first."""
    rules = (rule for words in _endings(name) for rule in _RULES.get(words, ()))
    return [rule for rule in rules if _suits(rule, kind, locale)]


def _suits(rule: Rule, kind: ColumnType, locale: str) -> bool:
    if kind.name not in rule.types or (kind.length or rule.length) < rule.length:
        return False
    if "faker" in rule.generate:
        return _has_provider(rule.generate["faker"]["provider"], locale)
    number = rule.generate.get("number")
    if number is None:
        return True
    low, high = type_limits(kind)
    return bool(low <= number["min"] and number["max"] <= high)


def _by_type(kind: ColumnType, unique: bool) -> Mapping[str, Any]:
    if kind.name in INTEGERS:
        return {"sequence": {}} if unique else _integers(0, min(integer_limits(kind)[1], 1_000_000))
    if kind.name is TypeName.NUMERIC:
        most = type_limits(kind)[1]
        return {"number": {"min": 0, "max": most if unique else min(most, 1000)}}
    if kind.name in FLOATS:
        return _integers(0, EXACT_INTEGERS[kind.name]) if unique else {"number": _UNIT}
    if kind.name in STRINGS:
        return _text(kind, unique)
    if kind.name is TypeName.INET:
        return _faker("ipv4")
    if kind.name in TIMESTAMPS or kind.name in (TypeName.TIME, TypeName.INTERVAL):
        return {"between": _SPANS[kind.name] | ({"resolution": "0.001ms"} if unique else {})}
    return _FIXED[kind.name]


def _text(kind: ColumnType, unique: bool) -> Mapping[str, Any]:
    if unique:
        return {"pattern": f"[a-z0-9]{{{min(kind.length or 16, 16)}}}"}
    if kind.length is None or kind.length >= 100:
        return _faker("sentence")
    return {"pattern": f"[a-z]{{{min(kind.length, 10)}}}"}


_UNIT = {"min": 0, "max": 1}
_SPANS: dict[TypeName, dict[str, str]] = {
    TypeName.TIME: {"start": "00:00:00", "end": "23:59:59"},
    TypeName.TIMESTAMP: {"start": _FIRST_DAY, "end": _LAST_DAY},
    TypeName.TIMESTAMPTZ: {"start": _FIRST_DAY, "end": _LAST_DAY},
    TypeName.INTERVAL: {"start": "0s", "end": "30d"},
}
_FIXED: dict[TypeName, Mapping[str, Any]] = {
    TypeName.BOOLEAN: {"boolean": {}},
    TypeName.DATE: {"between": {"start": _FIRST_DAY, "end": _LAST_DAY}},
    TypeName.UUID: {"uuid": {}},
    TypeName.JSON: _words(*_DOCUMENTS),
    TypeName.JSONB: _words(*_DOCUMENTS),
    TypeName.BYTEA: _words(*_BYTES),
}


class _Key:
    """A generator as written, comparable by its text, so that each is validated once."""

    def __init__(self, generate: Mapping[str, Any]) -> None:
        self.generate = generate
        self._text = repr(generate)

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._text == self._text


@lru_cache(maxsize=1024)
def _generate(key: _Key) -> GenerateSpec:
    return GenerateSpec.model_validate(key.generate)


@lru_cache(maxsize=1024)
def _has_provider(name: str, locale: str) -> bool:
    try:
        find_provider(name, locale)
    except ValueError:
        return False
    return True


def _by_ending() -> dict[str, list[Rule]]:
    rules: dict[str, list[Rule]] = {}
    for rule in _BY_NAME:
        for name in rule.names.split():
            rules.setdefault(name, []).append(rule)
    return rules


_RULES = _by_ending()
