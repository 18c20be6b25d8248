"""Version 1 of the rules of inference. It is closed: what it gives never changes."""

from __future__ import annotations

from decimal import Decimal

from rowmill.spec.bounds import EXACT_INTEGERS, integer_limits, type_limits
from rowmill.spec.inference.rules import Rule, Rules, Written
from rowmill.spec.values.types import FLOATS, INTEGERS, STRINGS, TIMESTAMPS, ColumnType, TypeName

# Those that a pool has where a manifest says nothing, and the most that it may have.
_DEFAULT_POOL, _MAX_POOL = 10_000, 200_000
_NUMBERS = INTEGERS | FLOATS | {TypeName.NUMERIC}
_DATES = frozenset({TypeName.DATE})
_BOOLEANS = frozenset({TypeName.BOOLEAN})


def _faker(provider: str) -> Written:
    return {"faker": {"provider": provider}}


def _words(*values: str) -> Written:
    return {"choice": {"values": list(values)}}


def _integers(low: int, high: int) -> Written:
    return {"number": {"min": low, "max": high, "decimals": 0}}


_SEQUENCE: Written = {"sequence": {}}
_EMAIL = {"pattern": r"[a-z]{8}[0-9]{6}@example\.com"}
_LOGIN = {"pattern": "[a-z]{8}[0-9]{6}"}
BY_NAME = (
    Rule("product_name item_name title", STRINGS, _faker("catch_phrase"), 40),
    Rule("company company_name brand brand_name employer", STRINGS, _faker("company"), 40),
    Rule("file_name filename", STRINGS, _faker("file_name"), 40),
    Rule("first_name given_name forename", STRINGS, _faker("first_name"), 20),
    Rule("last_name family_name surname", STRINGS, _faker("last_name"), 20),
    Rule("username user_name login", STRINGS, _faker("user_name"), 20, (_LOGIN,)),
    Rule("name full_name", STRINGS, _faker("name"), 30),
    Rule("email e_mail email_address mail", STRINGS, _faker("email"), 30, (_EMAIL,)),
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
    Rule("id", INTEGERS, _SEQUENCE, unique=(_SEQUENCE,), whole=True),
)
# What the common names of a person's fields are, however the column's provider is called.
PERSON_NAMES = frozenset(
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


def by_type(kind: ColumnType, unique: bool, rows: int) -> Written:
    """What fills a column whose name says nothing."""
    if kind.name in INTEGERS:
        return _SEQUENCE if unique else _integers(0, min(integer_limits(kind)[1], 1_000_000))
    if kind.name is TypeName.NUMERIC:
        most = type_limits(kind)[1]
        return {"number": {"min": 0, "max": most if unique else min(most, 1000)}}
    if kind.name in FLOATS:
        return _integers(0, EXACT_INTEGERS[kind.name]) if unique else {"number": _UNIT}
    if kind.name in STRINGS:
        return _text(kind, unique)
    if kind.name is TypeName.INET:
        return _addresses(unique and rows > _DEFAULT_POOL)
    if kind.name in TIMESTAMPS or kind.name in (TypeName.TIME, TypeName.INTERVAL):
        return {"between": _SPANS[kind.name] | ({"resolution": "0.001ms"} if unique else {})}
    return _FIXED[kind.name]


def _addresses(many: bool) -> Written:
    return {"faker": {"provider": "ipv4", "pool": _MAX_POOL}} if many else _faker("ipv4")


def _text(kind: ColumnType, unique: bool) -> Written:
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
_FIXED: dict[TypeName, Written] = {
    TypeName.BOOLEAN: {"boolean": {}},
    TypeName.DATE: {"between": {"start": _FIRST_DAY, "end": _LAST_DAY}},
    TypeName.UUID: {"uuid": {}},
    TypeName.JSON: _words(*_DOCUMENTS),
    TypeName.JSONB: _words(*_DOCUMENTS),
    TypeName.BYTEA: _words(*_BYTES),
}

RULES = Rules(BY_NAME, by_type, PERSON_NAMES)
