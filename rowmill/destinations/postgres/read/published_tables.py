"""Published tables in Postgres as Arrow: one snapshot, several streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import psycopg
import pyarrow as pa
from adbc_driver_postgresql import StatementOptions
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.postgres.connection import Connection, PostgresAddress
from rowmill.destinations.postgres.printed_types import printed
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import NEUTRAL, Value, set_local
from rowmill.destinations.stored_rows import Places, StoredRows, Unreadable
from rowmill.engine.verification import Problem
from rowmill.spec.dataset import Table

# Pages of 8 KiB read as one piece: enough to forget what a query costs to begin.
_PIECE_PAGES = 8192
_BATCH_BYTES = 2 * 2**20
_FETCHED = 1000
# Before it a range of row addresses is a scan of the whole table.
_RANGE_SCANS = 140000
_OPENING_TRIES = 5
_OFFSETS = 2**16
# A snapshot is held for as long as it is read.
_SETTINGS = {"idle_in_transaction_session_timeout": 0}
# Name, value, whether also behind a pooler, which keeps its sessions alive itself. The driver asks
# for types as it connects, and does not know them in quotes; each of its statements is a round trip
# of its own, between which time passes before SETs could reach the server.
_AT_LOGIN = (
    ("quote_all_identifiers", "off", True),
    ("default_transaction_deferrable", "off", False),
    ("statement_timeout", "0", False),
    ("transaction_timeout", "0", False),
    ("idle_in_transaction_session_timeout", "0", False),
    ("idle_session_timeout", "0", False),
)
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_DRIVER_ERRORS = (adbc.Error, pa.ArrowException, OSError)


class PostgresReader:
    """The tables of one schema as they were at one moment; no run can replace them meanwhile.

    Each thread that reads gets a connection of its own to the same snapshot. `close` ends all.
    """

    name = "postgres"
    by_part = False

    def __init__(
        self, address: PostgresAddress, schema: str, tables: Sequence[str], application: str
    ) -> None:
        """Open them in sessions that are called `application`, for who waits for them."""
        self._address = address
        self._schema = schema
        self._tables = list(tables)
        self._application = application
        self._own = threading.local()
        self._opened: list[Any] = []
        self._at_login: dict[str, str] = {}
        self._holder, self._snapshot, self._pages = self._open()

    def inspect(self, table: Table) -> list[Problem]:
        place = self._place(table)
        if table.name not in self._pages:
            text = f"there is no table {table.name!r} in schema {self._schema!r}"
            raise Unreadable(Problem("TableMissing", place, text))
        found = self._columns(table)
        wrong = [
            f"column {column.name!r} is {found.get(column.name, 'missing')}, "
            f"not {printed(column.type)}"
            for column in table.columns
            if found.get(column.name) != printed(column.type)
        ]
        if wrong:
            raise Unreadable(Problem("ColumnsDiffer", place, "; ".join(wrong)))
        added = self._added(table)
        return [
            Problem("ColumnsDiffer", place, f"column {name!r} is not the manifest's")
            for name in added
        ]

    def pieces(self, table: Table) -> int:
        if self._holder.info.server_version < _RANGE_SCANS:
            return 1
        return max(1, -(-self._pages[table.name] // _PIECE_PAGES))

    def rows(self, table: Table, piece: int, *, places: bool = False) -> Iterator[StoredRows]:
        condition = f"ctid >= '({piece * _PIECE_PAGES},0)'"
        if piece + 1 < self.pieces(table):
            condition += f" AND ctid < '({(piece + 1) * _PIECE_PAGES},0)'"
        return self._select(table, condition, places=places)

    def piece_problems(self, table: Table, piece: int) -> list[Problem]:
        return []

    def rows_at(self, table: Table, places: Places) -> Iterator[StoredRows]:
        for start in range(0, len(places), _FETCHED):
            addresses = ",".join(
                f"'({place // _OFFSETS},{place % _OFFSETS})'::tid"
                for place in places[start : start + _FETCHED].tolist()
            )
            yield from self._select(table, f"ctid = ANY(ARRAY[{addresses}])", places=True)

    def rows_with(self, table: Table, values: Mapping[str, str]) -> Iterator[StoredRows]:
        """The rows whose columns have these values, written as Postgres reads them."""
        equal = [
            sql.SQL("{} = {}::{}").format(
                sql.Identifier(name), sql.Literal(text), sql.SQL(table.column(name).type.sql)
            )
            for name, text in values.items()
        ]
        return self._select(table, sql.SQL(" AND ").join(equal).as_string(), places=True)

    def describe(self, table: Table, place: int) -> str:
        return f"{self._place(table)} ctid ({place // _OFFSETS},{place % _OFFSETS})"

    def close(self) -> None:
        """End the snapshot; call it when no thread reads any more."""
        for connection in self._opened:
            with suppress(*_DRIVER_ERRORS, RuntimeError):
                connection.close()
        self._opened.clear()
        with suppress(psycopg.Error):
            self._holder.close()

    def __enter__(self) -> PostgresReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, table: Table) -> str:
        return sql.Identifier(self._schema, table.name).as_string()

    def _open(self) -> tuple[Connection, str, dict[str, int]]:
        return PostgresSession(self._address).persist(self._begin)

    def _begin(self) -> tuple[Connection, str, dict[str, int]]:
        """The connection that holds the snapshot, the snapshot's name, pages by table."""
        connection = self._address.connect()
        try:
            for _ in range(_OPENING_TRIES - 1):
                with suppress(errors.UndefinedTable):
                    return connection, *self._lock(connection)
                connection.execute("ROLLBACK")
            return connection, *self._lock(connection)
        except BaseException:
            connection.close()
            raise

    def _lock(self, connection: Connection) -> tuple[str, dict[str, int]]:
        found = connection.execute(
            "SELECT relname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE nspname = %s AND relname = ANY(%s) AND relkind = 'r'",
            (self._schema, self._tables),
        ).fetchall()
        statements = [sql.SQL(_BEGIN), *self._settings(connection)]
        connection.execute(sql.SQL("; ").join(statements))
        # Locked before the snapshot is taken: a run published in between is then seen whole.
        for (name,) in found:
            lock = sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE")
            connection.execute(lock.format(sql.Identifier(self._schema, name)))
        self._at_login = _undone_at_login(connection)
        exported = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = exported[0] if exported is not None else ""
        pages = connection.execute(
            "SELECT relname, pg_relation_size(c.oid) / current_setting('block_size')::bigint "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE nspname = %s AND relname = ANY(%s)",
            (self._schema, [name for (name,) in found]),
        ).fetchall()
        return str(snapshot), {name: int(count) for name, count in pages}

    def _columns(self, table: Table) -> dict[str, str]:
        try:
            found = self._holder.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute a "
                "JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped "
                "ORDER BY attnum",
                (self._schema, table.name),
            ).fetchall()
        except psycopg.Error as error:
            raise self._failure(error) from None
        return {str(name): str(kind) for name, kind in found}

    def _added(self, table: Table) -> list[str]:
        """Columns that hold values of their own, which generated ones do not."""
        try:
            found = self._holder.execute(
                "SELECT attname FROM pg_attribute a "
                "JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped "
                "AND attgenerated = '' AND attname <> ALL(%s) ORDER BY attnum",
                (self._schema, table.name, list(table.by_name)),
            ).fetchall()
        except psycopg.Error as error:
            raise self._failure(error) from None
        return [str(name) for (name,) in found]

    def _select(self, table: Table, condition: str, *, places: bool) -> Iterator[StoredRows]:
        names = [sql.Identifier(column.name).as_string() for column in table.columns]
        if places:
            # A row's address prints as a point does.
            names.append(
                "(ctid::text::point)[0]::bigint * 65536 + (ctid::text::point)[1]::bigint AS place"
            )
        query = f"SELECT {', '.join(names)} FROM ONLY {self._place(table)} WHERE {condition}"
        try:
            # Each is closed before what it stands on, or the driver refuses.
            with closing(self._connection().cursor()) as cursor:
                size = {StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)}
                cursor.adbc_statement.set_options(**size)
                cursor.execute(query)
                with cursor.fetch_record_batch() as batches:
                    for batch in batches:
                        yield _stored(batch, places=places)
        except _DRIVER_ERRORS as error:
            raise self._failure(_as_psycopg(error)) from None

    def _connection(self) -> Any:
        """This thread's connection, in the snapshot."""
        known = getattr(self._own, "connection", None)
        if known is None:
            known = adbc.connect(self._conninfo(), autocommit=True)
            self._opened.append(known)
            with closing(known.cursor()) as cursor:
                name = sql.Literal(self._snapshot).as_string()
                settings = [each.as_string() for each in self._settings(self._holder)]
                for statement in (_BEGIN, f"SET TRANSACTION SNAPSHOT {name}", *settings):
                    cursor.execute(statement)
            self._own.connection = known
        return known

    def _conninfo(self) -> str:
        """The address for the driver, with what is to hold from the login on.

        Nothing is said there without need, since poolers refuse it.
        """
        plain = self._address.conninfo()
        if not self._at_login:
            return plain
        options = [str(conninfo_to_dict(plain).get("options") or "")]
        options += [f"-c {name}={value}" for name, value in self._at_login.items()]
        return make_conninfo(plain, options=" ".join(options))

    def _settings(self, connection: Connection) -> list[sql.Composed]:
        own: dict[str, Value] = {**_SETTINGS, "application_name": self._application}
        return set_local(NEUTRAL, connection.info.server_version, own)

    def _failure(self, error: psycopg.Error) -> DestinationRefused | DestinationUnavailable:
        return self._address.lost(error)


def _undone_at_login(connection: Connection) -> dict[str, str]:
    """What the role sets and the driver's login undoes; `connection` is another of the role's."""
    wanted = sql.SQL(", ").join(
        sql.SQL("({}, {}, {})").format(*map(sql.Literal, (name, value, pooled)))
        for name, value, pooled in _AT_LOGIN
    )
    query = sql.SQL(
        "SELECT name, value FROM pg_settings JOIN (VALUES {}) AS wanted (name, value, pooled) "
        "USING (name) WHERE reset_val <> value AND (pooled OR pg_backend_pid() = {})"
    )
    process = sql.Literal(connection.info.backend_pid)
    return dict(connection.execute(query.format(wanted, process)).fetchall())


def _stored(batch: pa.RecordBatch, *, places: bool) -> StoredRows:
    if not places:
        return StoredRows(batch.columns, batch.num_rows, None)
    numbers = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
    return StoredRows(batch.columns[:-1], batch.num_rows, numbers.astype(np.int64))


def _as_psycopg(error: BaseException) -> psycopg.Error:
    """The driver's error as the one that `judge` knows."""
    text = str(error)
    _, marker, said = text.partition("ERROR:")
    line = (said if marker else text).strip().splitlines()[0] if text.strip() else repr(error)
    state = getattr(error, "sqlstate", None)
    if state is None:
        return psycopg.OperationalError(line)
    try:
        return errors.lookup(state)(line)
    except KeyError:
        return psycopg.OperationalError(f"{line} (SQLSTATE {state})")
