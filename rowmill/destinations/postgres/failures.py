"""What an error of Postgres means: whether it passes, and what a reader must do if it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import psycopg
from psycopg import pq

from rowmill.destinations.patience import Course

LOADER_KEYS = ("PGUSER", "PGPASSWORD")


@dataclass(frozen=True)
class Failure:
    """A judged error: `reason` is one word for machines, `advice` says what to do."""

    course: Course
    reason: str
    text: str
    advice: str = ""

    def message(self, place: str) -> str:
        """What is wrong, where, and what to do; `place` is the address without its password."""
        sentence = f"Postgres at {place}: {self.text}"
        return f"{sentence}. {self.advice}" if self.advice else sentence

    def brief(self) -> str:
        """What is wrong in a few words: libpq says it of each address that it tried, at length."""
        reasons = dict.fromkeys(_REASON.findall(self.text)) or [self.text]
        words = " and ".join(reason.removeprefix("FATAL:").strip() for reason in reasons)
        return words[:1].lower() + words[1:] if words[1:2].islower() else words


def judge(
    error: psycopg.Error, *, reached: bool, login_keys: tuple[str, str] = LOADER_KEYS
) -> Failure:
    """Say what an error means.

    Args:
        error: what Postgres or the driver said.
        reached: whether this address ever answered a login.
        login_keys: the keys of the user and the password in the secret.
    """
    failure = _judge(error, reached)
    if failure.advice == _LOGIN_ADVICE:
        return replace(failure, advice=_LOGIN_ADVICE.format(*login_keys))
    return failure


def _judge(error: psycopg.Error, reached: bool) -> Failure:
    text = _text(error)
    if error.sqlstate is not None:
        failure = _by_state(error.sqlstate, text)
        if reached and failure.reason == "ServerReadOnly":
            # It took writes before: a failover, during which the address leads to a standby.
            return replace(failure, course=Course.PASSES)
        return failure
    return _by_text(_without_values(text), reached)


_LOGIN_ADVICE = "Check {} and {} in the secret"
_GRANT_ADVICE = "Grant the role what it lacks, or use another role"
_ROW_SECURITY_ADVICE = (
    "Give the role BYPASSRLS, or end FORCE ROW LEVEL SECURITY: all rows are to be seen"
)
_LOCKS_ADVICE = (
    "Raise max_locks_per_transaction there (to 1024, say) and restart the server, then run again: "
    "an unfinished run resumes"
)
_DISK_ADVICE = (
    "Free disk space on the server (or raise its limit), then run again: an unfinished run resumes"
)
# Said of a connection, which carries no SQLSTATE.
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)

# SQLSTATEs and classes of two characters; the longest that fits decides.
_PASSING_STATES = (
    "08",  # connection exceptions
    "25P03",  # idle in transaction for too long
    "25P04",  # the transaction took too long
    "40",  # serialization failure, deadlock
    "53200",  # out of memory
    "53300",  # too many connections
    "55006",  # object in use
    "55P03",  # lock not available in time
    "57014",  # statement cancelled or timed out
    "57P",  # shut down, crashed, starting up, idle for too long
    "58000",  # system error
)
_FINAL_STATES: dict[str, tuple[str, str]] = {
    "25006": ("ServerReadOnly", "Give the address of the primary server: this one takes no writes"),
    "28": ("CredentialsRefused", _LOGIN_ADVICE),
    "2BP01": ("DependantsInTheWay", "Drop what depends on the table, then run again"),
    "3D000": ("DatabaseMissing", "Create the database, or correct PGDATABASE in the secret"),
    "3F000": ("SchemaMissing", "It was there before: run again to have it made"),
    "42501": ("PermissionDenied", _GRANT_ADVICE),
    "42P01": ("TableMissing", "Somebody dropped it while it was needed: run again with --restart"),
    "42P06": ("SchemaExists", "Another session made it at this moment: run again"),
    "53100": ("DiskFull", _DISK_ADVICE),
    "53400": ("LimitExceeded", _DISK_ADVICE),
    "54": ("LimitExceeded", ""),
}

# A refused connection carries no SQLSTATE, so its English text must do.
_PASSING_TEXTS = re.compile(
    r"too many (clients|connections)|remaining connection slots|connection slots are reserved"
    r"|starting up|shutting down|recovery mode|not yet accepting|not accepting connections"
    r"|query_wait_timeout|no more connections allowed",
)
# What is there may be no Postgres at all.
_CLOSED = re.compile(r"server closed the connection")
# Of one address that was tried, as libpq words it.
_REASON = re.compile(
    r"connection to server [^:]*?(?:, port \d+)? failed: (.*?)"
    r"(?= Is the server running| - host:|$)"
)
_FINAL_TEXTS: tuple[tuple[re.Pattern[str], Course, str, str], ...] = (
    (
        re.compile(r"authentication failed|no password supplied|password is empty|no pg_hba\.conf"),
        Course.LOGIN,
        "CredentialsRefused",
        _LOGIN_ADVICE,
    ),
    (
        re.compile(r'role ".*" (does not exist|is not permitted to log in)'),
        Course.LOGIN,
        "CredentialsRefused",
        _LOGIN_ADVICE,
    ),
    (
        re.compile(r'database ".*" does not exist'),
        Course.FINAL,
        "DatabaseMissing",
        "Create the database, or correct PGDATABASE in the secret",
    ),
    (
        re.compile(r"permission denied for database"),
        Course.FINAL,
        "PermissionDenied",
        "Run as an administrator: GRANT CONNECT ON DATABASE ... TO the role",
    ),
    (
        re.compile(
            r"^(invalid|bad|the value of) |connection is bad: invalid|service file"
            r"|unsupported (frontend|startup)"
        ),
        Course.FINAL,
        "AddressInvalid",
        "Correct the PG... keys in the secret",
    ),
    (
        re.compile(
            r"invalid response to (SSL|GSSAPI) negotiation"
            r"|expected authentication request from server, but received"
        ),
        Course.FINAL,
        "AddressInvalid",
        "It is no Postgres that answers there: correct PGHOST and PGPORT in the secret",
    ),
    (
        re.compile(r"certificate|does not support SSL|no encryption|SSL error|sslmode"),
        Course.FINAL,
        "TlsRefused",
        "Check PGSSLMODE and PGSSLROOTCERT in the secret",
    ),
)
# What libpq and psycopg say of a parameter that they do not take, with its value: a password, where
# somebody put it under the wrong key.
_INVALID_VALUES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"invalid \"?(?P<keyword>\w+)\"? value: .*"), ""),
    (re.compile(r"invalid integer value .* for connection option \"(?P<keyword>\w+)\""), ""),
    (re.compile(r"bad value for (?P<keyword>\w+): .*"), ""),
    (re.compile(r"invalid port number: .*"), "port"),
    (re.compile(r"could not parse network address .*"), "hostaddr"),
    (re.compile(r"invalid command-line argument for server process: .*"), "options"),
    (re.compile(r"definition of service .* not found"), "service"),
)
_VARIABLES = {
    option.keyword.decode(): option.envvar.decode()
    for option in pq.Conninfo.get_defaults()
    if option.envvar is not None
}
_UNRESOLVED = re.compile(r"failed to resolve host|could not translate host name")
_CONCURRENT_CHANGE = re.compile(r"tuple concurrently (updated|deleted)|cache lookup failed")


def _by_state(state: str, text: str) -> Failure:
    if state == "53200" and "shared memory" in text:
        # Its table of locks is full, as it will be at the next try.
        return Failure(Course.FINAL, "LimitExceeded", text, _LOCKS_ADVICE)
    if state == "42501" and "row-level security" in text:
        return Failure(Course.FINAL, "PermissionDenied", text, _ROW_SECURITY_ADVICE)
    for length in (5, 3, 2):
        known = _FINAL_STATES.get(state[:length])
        if known is not None:
            course = Course.LOGIN if state.startswith("28") else Course.FINAL
            return Failure(course, known[0], text, known[1])
        if state[:length] in _PASSING_STATES:
            return Failure(Course.PASSES, "Unavailable", text)
    if state == "XX000" and _CONCURRENT_CHANGE.search(text):
        return Failure(Course.PASSES, "Unavailable", text)
    if state == "0A000" and "during recovery" in text:
        return Failure(Course.FINAL, *_with_text(_FINAL_STATES["25006"], text))
    return Failure(Course.FINAL, "PostgresRefused", f"{text} (SQLSTATE {state})")


def _by_text(text: str, reached: bool) -> Failure:
    if _DISK_FULL.search(text):
        # The server has no room to begin a session, wherever it is.
        return Failure(Course.FINAL, "DiskFull", text, _DISK_ADVICE)
    if _CLOSED.search(text):
        return Failure(Course.PASSES if reached else Course.CONTACT, "Unavailable", text)
    if _PASSING_TEXTS.search(text):
        return Failure(Course.PASSES, "Unavailable", text)
    if _UNRESOLVED.search(text):
        course = Course.PASSES if reached else Course.FINAL
        return Failure(course, "HostUnknown", text, "Correct PGHOST in the secret")
    for pattern, course, reason, advice in _FINAL_TEXTS:
        if pattern.search(text):
            return Failure(course, reason, text, advice)
    return Failure(Course.PASSES if reached else Course.CONTACT, "Unavailable", text)


def _without_values(text: str) -> str:
    for pattern, fixed in _INVALID_VALUES:
        found = pattern.search(text)
        if found:
            keyword = fixed or found["keyword"]
            variable = _VARIABLES.get(keyword, keyword)
            return f"the value of {variable} is invalid"
    return text


def _with_text(known: tuple[str, str], text: str) -> tuple[str, str, str]:
    return known[0], text, known[1]


def _text(error: psycopg.Error) -> str:
    """One line of what the server or the driver said, with the detail that names the objects."""
    diagnosis = error.diag
    parts = [diagnosis.message_primary or str(error), diagnosis.message_detail]
    return "; ".join(" ".join(part.split()) for part in parts if part).rstrip(".")
