"""Which values of a secret cannot be what their key wants, such as a URL with a password as host.

Found out before they are used, since host, user and database are shown in messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
