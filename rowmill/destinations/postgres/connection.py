"""How Postgres is reached: credentials read again at each connect, sessions that outlive cuts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Course, Patience, Waited, Waiting
from rowmill.destinations.postgres.failures import LOADER_KEYS, Failure, judge
from rowmill.destinations.postgres.session_settings import (
    DURABLE,
    NEUTRAL,
    keep_durable,
    own_session,
    set_local,
)
from rowmill.destinations.retries import persist
from rowmill.destinations.secret_values import without_password_of_user

T = TypeVar("T")
Credentials = Callable[[], Mapping[str, str]]
Connection = psycopg.Connection[TupleRow]
Cursor = psycopg.Cursor[TupleRow]

OLDEST_VERSION = 130000
DEFAULT_LOCK_SECONDS = 60
_GLANCE_SECONDS = 1.0
# A password that is shorter may well be part of an English word.
_TELLING_LENGTH = 8

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
_CONNECT_SECONDS = 10
_KEEP_ALIVE = {
    "client_encoding": "UTF8",
    "connect_timeout": str(_CONNECT_SECONDS),
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    # Above a stall of the server's disk, which also leaves what is sent unread for a while.
    "tcp_user_timeout": "120000",
}


class PostgresAddress:
    """Where Postgres is and how to log in; every connection reads the credentials anew.

    `login_keys` are the keys of the secret from which user and password come.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        login_keys: tuple[str, str] = LOADER_KEYS,
    ) -> None:
        self.patience = patience or Patience()
        self._login_keys = login_keys
        self._credentials = credentials
        self._reached = False

    def connect(self) -> Connection:
        """One try to connect, in autocommit mode.

        Raises:
            psycopg.Error: it did not work; `error` says what that means.
            DestinationRefused: the credentials are incomplete or the server is unfit.
        """
        connection = psycopg.connect(self.conninfo(), autocommit=True, prepare_threshold=None)
        try:
            self._check_server(connection)
            info = connection.info
            connection.execute(own_session(info.server_version, info.backend_pid))
        except (DestinationRefused, psycopg.Error):
            connection.close()
            raise
        self._reached = True
        return connection

    def conninfo(self) -> str:
        """What any libpq takes to connect. It holds the password: never show it.

        Raises:
            DestinationRefused: the credentials are incomplete.
        """
        parameters = self._parameters()
        for name in _STRAY_VARIABLES:
            os.environ.pop(name, None)
        return make_conninfo(**parameters)

    def describe(self) -> str:
        """`user@host:port/database`, without the password."""
        known = self._credentials()
        user = without_password_of_user(known.get("PGUSER", "?"))
        return f"{user}@{self._host()}/{known.get('PGDATABASE') or user}"

    @property
    def place(self) -> str:
        """The server, in short: `Postgres at host:port`."""
        return f"Postgres at {self._host()}"

    def _host(self) -> str:
        known = self._credentials()
        host = known.get("PGHOST") or known.get("PGHOSTADDR", "?")
        return f"{host}:{known.get('PGPORT') or '5432'}"

    def patience_for(self, error: BaseException) -> float:
        """The seconds for which this error may go on; 0 if it does not pass."""
        if not isinstance(error, psycopg.Error):
            return 0
        return self.patience.for_course(self._judge(error).course)

    def error(
        self, error: psycopg.Error, doing: str = ""
    ) -> DestinationRefused | DestinationUnavailable:
        """The error for the reader, once it is not tried again; `doing` is what it met."""
        failure = self._judge(error)
        place = f"{self.describe()}, {doing}" if doing else self.describe()
        message = self._without_password(failure.message(place))
        if failure.course not in (Course.PASSES, Course.CONTACT):
            return DestinationRefused(failure.reason, message)
        tried = self.patience.for_course(failure.course)
        check = "check PGHOST and PGPORT, or " if failure.course is Course.CONTACT else ""
        found = message.removesuffix("?")
        return DestinationUnavailable(
            f"{found}. It was tried for {tried:.0f} s; {check}run again when the server is well: "
            "the run resumes"
        )

    def lost(self, error: psycopg.Error) -> DestinationRefused | DestinationUnavailable:
        """The error for somebody who was reading, which is not tried again by itself."""
        failure = self._judge(error)
        if failure.course is not Course.PASSES:
            return self.error(error)
        message = self._without_password(failure.message(self.describe()))
        return DestinationUnavailable(
            f"{message}. It was lost while it was read; run the same command again"
        )

    def report(self, error: BaseException, left: float, problem: str | None = None) -> None:
        """Tell of a failure that is waited for; `problem` says it better than the error does."""
        if isinstance(error, psycopg.Error):
            words = problem or self._without_password(self._judge(error).brief())
            self.patience.report(Waiting(self.place, words, left))

    def report_end(self, answered: bool) -> None:
        """Tell that a wait is over."""
        self.patience.report(Waited(self.place, answered))

    def _judge(self, error: psycopg.Error) -> Failure:
        return judge(error, reached=self._reached, login_keys=self._login_keys)

    def _parameters(self) -> dict[str, str]:
        known = self._credentials()
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
        if not self._reached and self.patience.contact_seconds < _CONNECT_SECONDS:
            # Where packets go nowhere, one try may not take more than all of them are given.
            parameters["connect_timeout"] = str(max(2, round(self.patience.contact_seconds)))
        for keyword, variable, default in _PARAMETERS:
            given = known.get(variable)
            if given:
                parameters[keyword] = given
            elif keyword not in parameters and default is not None:
                parameters[keyword] = default
        if not parameters["dbname"]:
            parameters["dbname"] = parameters["user"]
        return parameters

    def _check_server(self, connection: Connection) -> None:
        version = connection.info.server_version
        if version < OLDEST_VERSION:
            raise DestinationRefused(
                "PostgresTooOld",
                f"Postgres at {self.describe()} is version {version // 10000}: "
                "Rowmill needs 13 or newer",
            )
        if connection.info.parameter_status("in_hot_standby") == "on" and not self._reached:
            raise DestinationRefused(
                "ServerReadOnly",
                f"Postgres at {self.describe()} is a standby that takes no writes: "
                "give the address of the primary server",
            )

    def _without_password(self, text: str) -> str:
        known = self._credentials()
        user = known.get("PGUSER", "")
        if ":" in user:
            text = text.replace(user, without_password_of_user(user))
        return without_password(text, known.get("PGPASSWORD", ""), known.values())


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


# What a failure comes from, in a few words; None if the error itself says it.
Explain = Callable[[BaseException], str | None]


def _unexplained(_error: BaseException) -> str | None:
    return None


def _always() -> bool:
    return True


class PostgresSession:
    """One connection, made when it is first needed and again when it is lost.

    `retries` counts the failures that were waited for. Not for use by two threads at once.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self.address = address
        self.retries = 0
        self._connection: Connection | None = None

    def transaction(
        self,
        work: Callable[[Cursor], T],
        *,
        lock_seconds: float = DEFAULT_LOCK_SECONDS,
        settings: Mapping[str, str | int] | None = None,
        explain: Explain = _unexplained,
        doing: str = "",
        wanted: Callable[[], bool] = _always,
    ) -> T:
        """Run `work` in a transaction of its own and commit; again as a whole when it fails.

        `work` must bear being called again after it committed, since the answer to a COMMIT can
        be lost. READ COMMITTED whatever the role's default: each statement sees what committed
        before it. `explain` may say what a failure that is waited for comes from, `doing` names
        the work in its error. Once it is not `wanted` any more, no failure is waited for.

        Raises:
            DestinationRefused: the failure does not pass.
            DestinationUnavailable: it did not pass within the patience of the address.
        """
        return self.persist(
            lambda: self._attempt(work, lock_seconds, settings or {}), explain, doing, wanted
        )

    def glance(self, work: Callable[[Cursor], T]) -> T | None:
        """One try at a transaction, for what is good to know and no more; None if it fails."""
        with suppress(psycopg.Error, DestinationRefused):
            return self._attempt(work, _GLANCE_SECONDS, {})
        return None

    def persist(
        self,
        attempt: Callable[[], T],
        explain: Explain = _unexplained,
        doing: str = "",
        wanted: Callable[[], bool] = _always,
    ) -> T:
        """Call `attempt` with the patience of the address, and translate its last failure.

        The rest is as in `transaction`.
        """

        def patience_for(error: BaseException) -> float:
            return self.address.patience_for(error) if wanted() else 0

        def report_wait(error: BaseException, left: float) -> None:
            self.retries += 1
            self.address.report(error, left, explain(error))

        try:
            return persist(
                attempt,
                patience_for,
                on_retry=report_wait,
                on_end=self.address.report_end,
                sleep=self.address.patience.sleep,
            )
        except psycopg.Error as error:
            raise self.address.error(error, doing) from error

    def connection(self) -> Connection:
        """The connection, made if there is none; a failure to connect is not retried here."""
        if self._connection is None or self._connection.closed:
            self._connection = self.address.connect()
        return self._connection

    def cancel(self) -> None:
        """Cut the statement short that another thread waits for, if there is one."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CONNECT_SECONDS)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> PostgresSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attempt(
        self,
        work: Callable[[Cursor], T],
        lock_seconds: float,
        settings: Mapping[str, str | int],
    ) -> T:
        connection = self.connection()
        begin = begin_statement(connection.info.server_version, lock_seconds, settings)
        try:
            with connection.cursor() as cursor:
                cursor.execute(begin)
                result = work(cursor)
                cursor.execute("COMMIT")
                return result
        except BaseException:
            self._roll_back(connection)
            raise

    def _roll_back(self, connection: Connection) -> None:
        state = connection.info.transaction_status
        if state is pq.TransactionStatus.IDLE:
            return
        if state in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
                return
        # Amid a statement, or cut: the server rolls back when the connection is gone.
        self.close()


def quoted(*name: str) -> sql.SQL:
    """A quoted name for a statement that is executed with parameters.

    psycopg reads a % in such a statement as a placeholder, also within an `Identifier`.
    """
    return sql.SQL(sql.Identifier(*name).as_string().replace("%", "%%"))


def begin_statement(version: int, lock_seconds: float, settings: Mapping[str, str | int]) -> bytes:
    """BEGIN with the settings that hold for the transaction alone, for one round trip.

    Not those of the session: behind a transaction pooler they would reach other clients. `version`
    is the server's, as libpq counts it.
    """
    begin = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    values = {"lock_timeout": f"{int(lock_seconds * 1000)}ms", **settings}
    parts = [begin, *set_local(NEUTRAL, version, values)]
    if DURABLE not in values:
        parts.append(keep_durable())
    return sql.SQL("; ").join(parts).as_bytes()


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


_PARAMETERS: list[tuple[str, str, Any]] = _known_parameters()
