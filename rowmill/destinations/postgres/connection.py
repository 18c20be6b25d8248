"""How Postgres is reached: credentials read again at each connect, failures in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psycopg
from psycopg.rows import TupleRow

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Course, JointWait, Patience, Waiting
from rowmill.destinations.postgres.conninfo import conninfo
from rowmill.destinations.postgres.failures import LOADER_KEYS, Failure, judge
from rowmill.destinations.postgres.session_settings import own_session
from rowmill.destinations.secret_values import without_password, without_password_of_user

Credentials = Callable[[], Mapping[str, str]]
Connection = psycopg.Connection[TupleRow]
Cursor = psycopg.Cursor[TupleRow]

OLDEST_VERSION = 130000


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
        self.waits = JointWait(self.patience.report)
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
        first = None if self._reached else self.patience.contact_seconds
        return conninfo(self._credentials(), first)

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
            f"{found}. It was tried for {tried:.0f} s; {check}try again when the server is well: "
            "an unfinished run resumes"
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

    def waiting(
        self, error: BaseException, left: float, problem: str | None = None
    ) -> Waiting | None:
        """What is told of a failure that is waited for; `problem` says it better than the error."""
        if not isinstance(error, psycopg.Error):
            return None
        words = problem or self._without_password(self._judge(error).brief())
        return Waiting(self.place, words, left)

    def _judge(self, error: psycopg.Error) -> Failure:
        return judge(error, reached=self._reached, login_keys=self._login_keys)

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
