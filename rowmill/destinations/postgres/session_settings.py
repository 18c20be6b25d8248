"""Settings of Postgres that a role, a database or a server may carry, and which of them we undo.

A role's defaults must not end a run's work, begin it again for ever, or change what its statements
mean, write and read. Whatever only places, tunes or logs is the administrator's, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from psycopg import sql

Value = str | int


@dataclass(frozen=True)
class Neutral:
    """A setting's value for us, and why; `since` is the version of servers that first had it."""

    value: Value
    why: str
    since: int = 0


# How values and definitions are read and printed; users' definitions are read and said again.
FORMS: dict[str, Neutral] = {
    "timezone": Neutral("UTC", "moments without a zone would be others"),
    "datestyle": Neutral("ISO, MDY", "other styles are read back as another day"),
    "intervalstyle": Neutral("postgres", "other styles print and read signs differently"),
    "bytea_output": Neutral("hex", "one form of bytes"),
    "extra_float_digits": Neutral(1, "fewer digits change the floats in users' definitions"),
    "array_nulls": Neutral("on", "a NULL in an array would be the text"),
    "transform_null_equals": Neutral("off", "users' CHECKs, said again, would mean another thing"),
    "xmloption": Neutral("content", "XML in users' definitions may be no document"),
    "quote_all_identifiers": Neutral("off", "definitions are compared by their text"),
    "standard_conforming_strings": Neutral("on", "literals may hold backslashes"),
}
# What ends statements, transactions and sessions: an index takes what it takes.
LIMITS: dict[str, Neutral] = {
    "statement_timeout": Neutral(0, "a COPY or an index would begin again for ever"),
    "transaction_timeout": Neutral(0, "as statement_timeout", since=170000),
    "idle_in_transaction_session_timeout": Neutral("60s", "a frozen twin loses its locks"),
    "lock_timeout": Neutral("60s", "locks are waited for, but not for ever"),
    "exit_on_error": Neutral("off", "errors that are expected would end the session"),
}
NEUTRAL: dict[str, Neutral] = {
    **FORMS,
    **LIMITS,
    "search_path": Neutral("pg_catalog", "others' functions would go before Postgres's own"),
    "row_security": Neutral("off", "a policy would leave rows out in silence"),
    "client_min_messages": Neutral("warning", "nobody reads notices"),
    "vacuum_cost_delay": Neutral(0, "ANALYZE would sleep for hours in finalize"),
    "enable_tidscan": Neutral("on", "each piece that verify reads would be a whole scan"),
}
# What holds between transactions and for statements alone, where nothing local reaches.
SESSION: dict[str, Neutral] = {
    "idle_session_timeout": Neutral("0", "a worker that generates is idle meanwhile"),
    "default_transaction_deferrable": Neutral("off", "a single SELECT would wait for others"),
}
# Only `off` is undone, as other values may ask for more: what is committed stays in a crash, but of
# the batches of postgres/copy/loader.py.
DURABLE = "synchronous_commit"


def set_local(
    neutral: Mapping[str, Neutral], version: int, others: Mapping[str, Value] | None = None
) -> list[sql.Composed]:
    """SETs for one transaction, of what a server of this version has.

    Args:
        neutral: the settings and their values.
        version: the server's, as libpq counts it: 170002.
        others: values that go before those of `neutral`, or come beside them.
    """
    values = {name: each.value for name, each in neutral.items() if version >= each.since}
    values |= others or {}
    return [
        sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in values.items()
    ]


def keep_durable() -> sql.Composed:
    """Let this transaction's COMMIT wait for the server's own disk, should the role not want to."""
    return sql.SQL(
        "SELECT set_config({0}, 'local', true) WHERE current_setting({0}) = 'off'"
    ).format(sql.Literal(DURABLE))


def own_session(version: int, process: int) -> sql.Composed:
    """Undo for good what holds between transactions, if the session is the server's `process`.

    Behind a pooler the session is another one, and other clients' as well. `version` is the
    server's.
    """
    values = [
        sql.SQL("({}, {})").format(sql.Literal(name), sql.Literal(each.value))
        for name, each in SESSION.items()
    ]
    undo = sql.SQL(
        "SELECT set_config(name, value, false) FROM pg_settings "
        "JOIN (VALUES {}) AS wanted (name, value) USING (name) "
        "WHERE setting <> value AND pg_backend_pid() = {}"
    ).format(sql.SQL(", ").join(values), sql.Literal(process))
    begin, end = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED"), sql.SQL("END")
    return sql.SQL("; ").join([begin, *set_local(NEUTRAL, version), undo, end])


def begin_statement(version: int, lock_seconds: float, settings: Mapping[str, Value]) -> bytes:
    """BEGIN with the settings that hold for the transaction alone, for one round trip.

    Not those of the session: behind a transaction pooler they would reach other clients. `version`
    is the server's, as libpq counts it.
    """
    return _begin_statement(version, lock_seconds, tuple(settings.items()))


# Nearly all transactions begin alike.
@lru_cache(maxsize=64)
def _begin_statement(
    version: int, lock_seconds: float, settings: tuple[tuple[str, Value], ...]
) -> bytes:
    begin = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    values: dict[str, Value] = {"lock_timeout": f"{int(lock_seconds * 1000)}ms", **dict(settings)}
    parts = [begin, *set_local(NEUTRAL, version, values)]
    if DURABLE not in values:
        parts.append(keep_durable())
    return sql.SQL("; ").join(parts).as_bytes()
