"""Values of a secret: which cannot be what their key wants, and which no message may show.

The first is found out before they are used, since host, user and database are shown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_USERS = ("PGUSER", "PGREADUSER")
_WANTED = {
    "PGHOST": "the host's name alone",
    "PGHOSTADDR": "the host's number alone",
    "PGPORT": "a number such as 5432",
    "PGDATABASE": "the database's name alone",
    "PGUSER": "the user's name alone",
    "PGREADUSER": "the user's name alone",
}
_URL = re.compile(r"://|:[^/@]*@")
# A database may have a name with = in it; one such as host=db is a whole connection string.
_CONNECTION_STRING = re.compile(
    r"(?:^|[\s;?&])(?:host(?:addr)?|port|dbname|database|user|password|passfile|service|ssl\w+)\s*=",
    re.IGNORECASE,
)
# A password that is shorter may well be part of an English word.
_TELLING_LENGTH = 8
_PORTS = re.compile(r"[0-9,\s]*")


def misplaced(values: Mapping[str, str]) -> str | None:
    """What is wrong with the first key whose value is no value of it; the value is not repeated."""
    for key, wanted in _WANTED.items():
        found = _found(key, values.get(key, ""))
        if found:
            return f"{key} holds {found}; expected {wanted}, each other part by its own key"
    return None


def holds_nul(values: Mapping[str, str]) -> str | None:
    """The first key whose value holds a NUL, at which libpq would end it in silence."""
    return next((key for key, value in values.items() if "\0" in value), None)


def without_password_of_user(user: str) -> str:
    """A user's name for the reader: what follows a colon may be a password."""
    name, colon, _ = user.partition(":")
    return f"{name}:***" if colon else name


def without_password(text: str, password: str, shown: Collection[str]) -> str:
    """The text with the password masked where it is one.

    A short one is masked in quotes alone: amid other words the gap in them would tell it. So would
    the mask in place of a user or host of the same name; `shown` are all values of the secret.
    """
    if not password or list(shown).count(password) > 1:
        return text
    if len(password) >= _TELLING_LENGTH:
        return text.replace(password, "***")
    return re.sub(rf"""(["'])({re.escape(password)})\1""", r"\1***\1", text)


def _found(key: str, value: str) -> str | None:
    if "://" in value or (key not in _USERS and _URL.search(value)):
        return "a URL"
    if key == "PGPORT":
        return None if _PORTS.fullmatch(value) else "no number"
    if _CONNECTION_STRING.search(value):
        return "a connection string"
    if key == "PGHOST" and not value.startswith(("/", "@")) and re.search("[=@]", value):
        return "more than a host's name"
    return None
