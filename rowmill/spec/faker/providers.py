"""Faker's providers as data: which names a manifest may use, in which locales, with what arguments.

Nothing here imports Faker. The table, providers.json, is written by scripts/make_providers.py; it
leaves out what reads the clock (dates of birth, "this year"), for such a pool would be another
tomorrow. The kinds `between` and `after` make dates. How many values a provider has where they are
few, provider_values.json, is written by scripts/count_provider_values.py. A data version that is
closed keeps its tables: others get files of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from rowmill.near_names import near_names
from rowmill.spec.paths import shown
from rowmill.spec.versions import rule_version

# The providers and their values, by the version of "providers" in rowmill.spec.versions.
_TABLES = {1: ("providers.json", "provider_values.json")}
# The most values that a manifest may ask of a pool.
MAX_POOL = 200_000
# The fields of one coherent person: columns of one entity that use these describe one person.
# `gender` (female, male) and `sex` (F, M) are Rowmill's own, Faker has none alone.
PERSON_FIELDS = (
    "name",
    "first_name",
    "last_name",
    "prefix",
    "gender",
    "sex",
    "user_name",
    "email",
    "safe_email",
    "free_email",
    "company_email",
    "ascii_email",
    "ascii_safe_email",
    "ascii_free_email",
    "ascii_company_email",
)


@dataclass(frozen=True)
class Provider:
    """One provider; `returns` is str, int, float, decimal or bool.

    `arguments` maps those that a manifest may give to `int` or `str`; flags are `int` (0 or 1).
    `person` says whether it is a field of the entity's one person; such take no arguments.
    """

    name: str
    returns: str
    arguments: dict[str, str]
    locales: frozenset[str]
    person: bool


def providers(data_version: int) -> dict[str, Provider]:
    """All providers by name."""
    table, _ = _tables(data_version)
    return _providers(table)


def locales(data_version: int) -> frozenset[str]:
    """All locales, such as `en_US`."""
    table, _ = _tables(data_version)
    return _locales(table)


@cache
def _providers(table: str) -> dict[str, Provider]:
    document = _read(table)
    everywhere = _locales(table)
    known = {
        name: Provider(
            name=name,
            returns=entry["returns"],
            arguments=entry["arguments"],
            locales=frozenset(entry["locales"].split())
            if "locales" in entry
            else everywhere - frozenset(entry.get("missing", "").split()),
            person=False,
        )
        for name, entry in document["providers"].items()
    }
    for name in PERSON_FIELDS:
        known[name] = Provider(name, "str", {}, everywhere, person=True)
    return known


@cache
def _locales(table: str) -> frozenset[str]:
    return frozenset(_read(table)["locales"].split())


def find_provider(name: str, locale: str | None, data_version: int) -> Provider:
    """The provider of that name, which the locale has, if that is known.

    Raises:
        ValueError: there is none; the message names what is near, for the manifest's author.
    """
    known, everywhere = providers(data_version), locales(data_version)
    if name not in known:
        raise ValueError(f"{shown(name)} is no known Faker provider{_near(name, known)}")
    if locale is None:
        return known[name]
    if locale not in everywhere:
        raise ValueError(f"{shown(locale)} is no known locale{_near(locale, everywhere)}")
    provider = known[name]
    if locale not in provider.locales:
        some = ", ".join(sorted(provider.locales)[:5])
        raise ValueError(
            f"the locale {locale} has no provider {shown(name)}; it exists for example in {some}"
        )
    return provider


def check_arguments(provider: Provider, arguments: tuple[tuple[str, int | str], ...]) -> None:
    """Refuse arguments that the provider doesn't take.

    Raises:
        ValueError: with a message for the manifest's author.
    """
    for name, value in arguments:
        if name not in provider.arguments:
            takes = ", ".join(provider.arguments) or "none"
            raise ValueError(
                f"the provider {shown(provider.name)} has no argument {shown(name)}; "
                f"it takes: {takes}"
            )
        wanted = provider.arguments[name]
        if wanted != ("int" if isinstance(value, int) else "str"):
            right = "an integer" if wanted == "int" else "a string"
            raise ValueError(
                f"the argument {shown(name)} of {shown(provider.name)} must be {right}"
            )


def count_values(name: str, locale: str, data_version: int) -> int | None:
    """How many distinct values a pool of the provider comes to without arguments, however large.

    None where it is 10,000 or more.
    """
    table, values = _tables(data_version)
    by_locale = _counts(values).get(name, {})
    count = by_locale.get(locale, by_locale.get(""))
    return None if count is None or locale not in _providers(table)[name].locales else count


def _near(name: str, known: Iterable[str]) -> str:
    near = near_names(name, known)
    return f"; near: {', '.join(near)}" if near else ""


def _tables(data_version: int) -> tuple[str, str]:
    return _TABLES[rule_version(data_version, "providers")]


def _counts(values: str) -> dict[str, dict[str, int | None]]:
    """By provider the count of most locales under "", and by locale what differs from it."""
    counts: dict[str, dict[str, int | None]] = _read(values)["values"]
    return counts


@cache
def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        resources.files("rowmill.spec.faker").joinpath(name).read_text("utf-8")
    )
    return document
