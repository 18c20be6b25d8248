"""Persons: rows of a pool that describe one coherent person each, drawn from a Faker locale."""

from __future__ import annotations

import re
from typing import Any

from faker import Faker
from faker.decode import unidecode

# Names repeat only after so many fruitless draws in a row: some locales have few.
_PATIENCE = 50
_TOKEN = re.compile(r"\{\{ *(\w+) *\}\}")
_SAFE_DOMAINS = ("example.com", "example.net", "example.org")


def draw_persons(faker: Faker, size: int) -> list[dict[str, str]]:
    """`size` persons as `pools.PERSON_TYPE` has them, half female, half male.

    User names are distinct, names too while there are any. `name` holds the first and the last
    name; the e-mail addresses are the user name at one of the domains. A draw costs some 100
    microseconds.
    """
    persons: list[dict[str, str]] = []
    names: set[str] = set()
    users: set[str] = set()
    fruitless = 0
    while len(persons) < size:
        person = _named(faker)
        if person["name"] in names and fruitless < _PATIENCE:
            fruitless += 1
            continue
        # Once a locale has run dry it stays so: no need to wait for every further person.
        fruitless = fruitless if fruitless >= _PATIENCE else 0
        person["user_name"] = _user_name(faker, person, users)
        person["safe_domain"] = faker.random_element(_SAFE_DOMAINS)
        person["free_domain"] = faker.free_email_domain()
        person["company_domain"] = faker.domain_name()
        names.add(person["name"])
        users.add(person["user_name"])
        persons.append(person)
    return persons


def _named(faker: Faker) -> dict[str, str]:
    """Gender and names: one of the locale's name formats, its first parts remembered."""
    gender = faker.random_element(("female", "male"))
    parts: dict[str, str] = {}

    def fill(match: re.Match[str]) -> str:
        token = match[1]
        value = str(getattr(faker, _gendered(faker, token, gender))())
        for part in ("first_name", "last_name", "prefix"):
            if token.startswith(part):
                parts.setdefault(part, value)
        return value

    name = _TOKEN.sub(fill, _format(faker, gender))
    for part in ("first_name", "last_name", "prefix"):
        if part not in parts:
            parts[part] = str(getattr(faker, _gendered(faker, part, gender))())
    return {"name": " ".join(name.split()), "gender": gender, **parts}


def _format(faker: Faker, gender: str) -> str:
    provider = _provider(faker, "first_name")
    formats = getattr(provider, f"formats_{gender}", None)
    if formats is None:
        # A locale with one list for both: what names the other gender is left out.
        other = "_male}" if gender == "female" else "_female}"
        formats = [f for f in provider.formats if other not in f] or list(provider.formats)
    return str(provider.random_element(formats))


def _gendered(faker: Faker, token: str, gender: str) -> str:
    """The provider for a part of a name that fits the gender, if the locale has one."""
    base = re.sub(r"_(female|male|nonbinary)$", "", token)
    candidate = f"{base}_{gender}"
    if hasattr(faker, candidate):
        return candidate
    # The formats of es_AR name providers that it doesn't have.
    return token if hasattr(faker, token) else token.replace("first_names", "first_name")


def _user_name(faker: Faker, person: dict[str, str], taken: set[str]) -> str:
    first = _latin(faker, "first_name", person["first_name"])
    last = _latin(faker, "last_name", person["last_name"])
    style = faker.random_element(("{0}.{1}", "{0}.{1}", "{2}{1}", "{0}_{1}", "{0}{1}", "{1}.{0}"))
    base = style.format(first, last, first[:1]).strip("._") or "user"
    if base not in taken and faker.random_int(0, 2):
        return base
    while True:
        numbered = f"{base}{faker.random_int(2, 9_999)}"
        if numbered not in taken:
            return numbered


def _latin(faker: Faker, part: str, text: str) -> str:
    """A name in lower-case ASCII letters, as the locale romanises it where it does."""
    for pair in getattr(_provider(faker, part), f"{part}_pairs", ()):
        # Japanese: (written, kana, romanised).
        if pair[0] == text:
            text = pair[2]
    for written, ascii_ in getattr(_provider(faker, "domain_word"), "replacements", ()):
        text = text.replace(written, ascii_)
    return re.sub("[^a-z]", "", unidecode(text).lower())


def _provider(faker: Faker, method: str) -> Any:
    return next(p for p in faker.get_providers() if hasattr(p, method))
