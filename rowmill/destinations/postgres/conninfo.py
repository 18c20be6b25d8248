"""What libpq is given to connect: all of it from a secret, nothing from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from psycopg import pq
from psycopg.conninfo import make_conninfo

from rowmill.destinations.errors import DestinationRefused

CONNECT_SECONDS = 10

_APPLICATION = "rowmill"
# libpq falls back on the environment for every parameter that is not given, so each is given its
# own default; of these the built-in one is empty, which libpq does not take back as a value.
_NEUTRAL = {
    "connect_timeout": "10",
    "sslcertmode": "allow",
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
}
# For these no neutral value exists, or they are no parameters at all: a stray one must go.
_STRAY_VARIABLES = ("PGSERVICE", "PGREQUIREAUTH", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGREQUIRESSL")
_KEEP_ALIVE = {
    "client_encoding": "UTF8",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    # Above a stall of the server's disk, which also leaves what is sent unread for a while.
    "tcp_user_timeout": "120000",
}


def conninfo(known: Mapping[str, str], first_contact_seconds: float | None) -> str:
    """What any libpq takes to connect. It holds the password: never show it.

    Args:
        known: the secret's values, by the names of libpq's environment variables.
        first_contact_seconds: for how long a server that was never reached is tried; None for one
            that was.

    Raises:
        DestinationRefused: the values are incomplete.
    """
    parameters = _parameters(known, first_contact_seconds)
    for name in _STRAY_VARIABLES:
        os.environ.pop(name, None)
    return make_conninfo(**parameters)


def _parameters(known: Mapping[str, str], first_contact_seconds: float | None) -> dict[str, str]:
    missing = [
        names[0]
        for names in (("PGHOST", "PGHOSTADDR"), ("PGUSER",))
        if not any(known.get(name) for name in names)
    ]
    if missing:
        raise DestinationRefused(
            "CredentialsRefused",
            f"the credentials for Postgres hold no {' and no '.join(missing)}: "
            "give PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE in the secret's file "
            "(--secret NAME=FILE) or in the environment",
        )
    parameters = {"application_name": _APPLICATION, **_KEEP_ALIVE}
    if first_contact_seconds is not None and first_contact_seconds < CONNECT_SECONDS:
        # Where packets go nowhere, one try may not take more than all of them are given.
        parameters["connect_timeout"] = str(max(2, round(first_contact_seconds)))
    for keyword, variable, default in _PARAMETERS:
        given = known.get(variable)
        if given:
            parameters[keyword] = given
        elif keyword not in parameters and default is not None:
            parameters[keyword] = default
    if not parameters["dbname"]:
        parameters["dbname"] = parameters["user"]
    return parameters


def _known_parameters() -> list[tuple[str, str, str | None]]:
    """(keyword, environment variable, neutral value) of what libpq reads from the environment.

    The value is None where libpq knows none; those variables are removed instead.
    """
    found = []
    for option in pq.Conninfo.get_defaults():
        if option.envvar is None:
            continue
        keyword, variable = option.keyword.decode(), option.envvar.decode()
        default: str | None = _NEUTRAL.get(keyword, (option.compiled or b"").decode())
        found.append((keyword, variable, None if variable in _STRAY_VARIABLES else default))
    return found


_PARAMETERS: list[tuple[str, str, str | None]] = _known_parameters()
