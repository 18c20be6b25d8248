"""No query reads outside its login's tables, writes, or stays: as a page asks it, and as CSV."""

from __future__ import annotations

import os
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql

from rowmill.destinations.credentials import ReadingLogin, reading_login
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.read.csv_text import copying
from rowmill.destinations.postgres.read.query import querying
from rowmill.destinations.postgres.read.reader import Asked
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.query_bounds import Bound, QueryBounds
from rowmill.local.servers.embedded import EmbeddedServers, reader_exports
from tests.integration.cli.commands import wait_until
from tests.integration.destinations.postgres.attacks import (
    ATTACKS,
    FILE,
    MESSAGE_CHANNEL,
    OTHERS_QUERY,
    Attack,
)
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    dataset,
    table,
)
from tests.postgres_login import connect

SECONDS = 1.0
BOUNDS = QueryBounds(rows=1_000, bytes=1_000_000, seconds=SECONDS)
# Of /etc/passwd, and of any data directory.
OUTSIDE = ("root:x:", "PG_VERSION", OTHERS_QUERY)

_OBJECTS = """
SET search_path = shop;
CREATE SEQUENCE numbers;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN DELETE FROM shop.orders; RETURN 1; END$$;
CREATE FUNCTION opens_up() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN SET TRANSACTION READ WRITE; DELETE FROM shop.orders; RETURN 1; END$$;
CREATE FUNCTION drops() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN EXECUTE 'DROP TABLE shop.orders'; RETURN 1; END$$;
CREATE FUNCTION makes_temporary() RETURNS int LANGUAGE plpgsql AS
  $$BEGIN CREATE TEMP TABLE t (a int); RETURN 1; END$$;
CREATE FUNCTION locks() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE; RETURN 1; END$$;
CREATE FUNCTION catches_a_cancel() RETURNS int LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM set_config('client_connection_check_interval', '0', false);
    LOOP
      BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END;
    END LOOP;
  END$$;
CREATE PROCEDURE commits(INOUT n int) LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$;
CREATE PROCEDURE writes_and_commits(INOUT n int) LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN DELETE FROM shop.orders; COMMIT; END$$;
SELECT lo_from_bytea(4242, 'kept');
"""
# Of other databases other tests may be at work.
_CATALOG = """
SELECT array[
  (SELECT md5(string_agg(concat_ws(' ', oid, relname, relowner, relacl), ',' ORDER BY oid))
   FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace),
  (SELECT md5(string_agg(concat_ws(' ', oid, proname), ',' ORDER BY oid)) FROM pg_proc),
  (SELECT string_agg(nspname::text, ',' ORDER BY nspname) FROM pg_namespace),
  (SELECT string_agg(r::text, ',' ORDER BY oid) FROM pg_roles r WHERE rolname = ANY(%(logins)s)),
  (SELECT string_agg(m::text, ',' ORDER BY oid) FROM pg_auth_members m
   WHERE pg_get_userbyid(member) = ANY(%(logins)s)),
  (SELECT string_agg(s::text, ',') FROM pg_db_role_setting s WHERE setdatabase = here.oid),
  (SELECT string_agg(concat_ws(' ', oid, lo_get(oid)), ',') FROM pg_largeobject_metadata),
  (SELECT string_agg(extname::text, ',' ORDER BY extname) FROM pg_extension),
  (SELECT string_agg(srvname::text, ',') FROM pg_foreign_server),
  (SELECT string_agg(gid, ',') FROM pg_prepared_xacts WHERE database = datname),
  (SELECT string_agg(slot_name::text, ',') FROM pg_replication_slots WHERE database = datname),
  (SELECT string_agg(l::text, ',') FROM pg_locks l
   WHERE locktype = 'advisory' AND database = here.oid),
  (SELECT concat_ws(' ', last_value, is_called) FROM shop.numbers),
  to_regrole('mallory')::text
]
FROM pg_database here WHERE datname = current_database()
"""
_TABLES = """
SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('shop', 'rowmill') AND relkind = 'r' ORDER BY 1, 2
"""


@dataclass(frozen=True)
class World:
    """A database with a published experiment, its ledger and users' functions, under attack.

    `victim` is a session of the superuser's, which listens.
    """

    known: dict[str, str]
    logins: dict[str, ReadingLogin]
    admin: Connection
    victim: Connection
    file: Path

    def state(self) -> list[object]:
        """All that a query could leave changed."""
        names = [login.values["PGUSER"] for login in self.logins.values()]
        found: list[object] = [self.admin.execute(_CATALOG, {"logins": names}).fetchone()]
        for schema, name in self.admin.execute(_TABLES).fetchall():
            rows = sql.SQL("SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t")
            summed = self.admin.execute(
                rows.format(sql.Identifier(str(schema), str(name)))
            ).fetchone()
            found.append((name, summed))
        return found

    def is_snapshot(self, names: list[str]) -> bool:
        """Whether one of the names is that of a snapshot which others may take up."""
        found = "SELECT f FROM pg_ls_dir('pg_snapshots') f WHERE f = ANY(%s)"
        return self.admin.execute(found, (names,)).fetchone() is not None

    def sessions(self) -> list[tuple[object, ...]]:
        """What is still there of the logins."""
        names = [login.values["PGUSER"] for login in self.logins.values()]
        return self.admin.execute(
            "SELECT pid, state, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = ANY(%s)",
            (names,),
        ).fetchall()


@pytest.fixture(scope="module")
def world(servers: EmbeddedServers, postgres_environment: dict[str, str]) -> Iterator[World]:
    number = f"{os.getpid()}_{uuid.uuid4().hex[:8]}"
    known = {**postgres_environment, "PGDATABASE": f"test_{number}"}
    name, role = sql.Identifier(known["PGDATABASE"]), sql.Identifier(f"attacker {number}")
    password = secrets.token_hex(8)
    with connect(postgres_environment) as maker:
        maker.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            maker.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password))
            )
            Experiment(PostgresAddress(lambda: known), dataset(table("orders", rows=20))).complete()
            plain = {"PGREADUSER": f"attacker {number}", "PGREADPASSWORD": password}
            with connect(known) as admin, connect(known) as victim:
                admin.execute(_OBJECTS)
                admin.execute(
                    sql.SQL(
                        "GRANT USAGE ON SCHEMA shop, rowmill TO {0}; "
                        "GRANT SELECT ON ALL TABLES IN SCHEMA shop, rowmill TO {0}"
                    ).format(role)
                )
                victim.execute(f"LISTEN {MESSAGE_CHANNEL}".encode())
                victim.execute(f"SELECT '{OTHERS_QUERY}'".encode())
                yield World(
                    known,
                    {
                        "the server's own": reading_login({**known, **reader_exports(servers)}),
                        "a plain one": reading_login({**known, **plain}),
                    },
                    admin,
                    victim,
                    Path(f"{FILE}-{number}"),
                )
        finally:
            maker.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            maker.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))


@dataclass(frozen=True)
class Outcome:
    """The first of the cells, by what they were ended, and why there are none."""

    cells: str = ""
    end: str | Bound | None = None
    refusal: str | None = None


def page(login: ReadingLogin, text: str) -> Outcome:
    with querying(_asked(login), text, BOUNDS) as result:
        cells = "\n".join(str(cell) for row in result.rows for cell in row)
        return Outcome(cells, result.cut)


def csv(login: ReadingLogin, text: str) -> Outcome:
    """Its asker has enough of it at the time that is a bound of a page."""
    cancellation = Cancellation()
    leaving = threading.Timer(SECONDS, cancellation.cancel)
    leaving.start()
    pieces: list[str] = []
    try:
        for piece in copying(_asked(login, cancellation), text):
            if len(pieces) < 3:
                pieces.append(piece.decode())
        return Outcome("".join(pieces))
    except Cancelled:
        return Outcome(end="cancelled")
    finally:
        leaving.cancel()


FACES: dict[str, tuple[str, Callable[[ReadingLogin, str], Outcome]]] = {
    "page": ("the server's own", page),
    "csv": ("a plain one", csv),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.sql[:60])
def test_an_attack_reads_writes_and_leaves_nothing(
    world: World, before: list[object], attack: Attack, face: str
) -> None:
    whose, ask = FACES[face]
    outcome = _outcome(ask, world.logins[whose], _text(world, attack.sql))
    if attack.endless:
        assert outcome.end or outcome.refusal
    elif attack.says is None:
        assert (outcome.refusal, outcome.end) == (None, None)
    else:
        assert re.search(attack.says, str(outcome.refusal)), outcome
    assert [mark for mark in OUTSIDE if mark in outcome.cells] == []
    assert not world.is_snapshot(outcome.cells.split("\n"))
    wait_until(lambda: world.sessions() == [])
    assert world.state() == before
    assert not world.file.exists()
    assert world.victim.execute(f"SELECT '{OTHERS_QUERY}'".encode()).fetchone() == (OTHERS_QUERY,)
    assert [*world.victim.notifies(timeout=0)] == []


@pytest.fixture(scope="module")
def before(world: World) -> list[object]:
    return world.state()


def test_a_plain_login_reads_no_verifier_of_a_password(world: World) -> None:
    for text in ("select rolpassword from pg_authid", "select passwd from pg_shadow"):
        with pytest.raises(QueryRefused, match="permission denied"):
            page(world.logins["a plain one"], text)


def test_of_passwords_the_servers_own_reader_reads_salted_verifiers_alone(world: World) -> None:
    """It may read all tables; these passwords are random, and nothing logs in by a verifier."""
    query = "select rolpassword from pg_authid where rolname in (session_user, '{superuser}')"
    verifiers = page(world.logins["the server's own"], _text(world, query)).cells.split("\n")
    assert [text[:18] for text in verifiers] == ["SCRAM-SHA-256$4096"] * 2


def _outcome(
    ask: Callable[[ReadingLogin, str], Outcome], login: ReadingLogin, text: str
) -> Outcome:
    try:
        return ask(login, text)
    except QueryRefused as refusal:
        return Outcome(refusal=str(refusal))


def _text(world: World, text: str) -> str:
    places = {
        "{superuser}": world.known["PGUSER"],
        "{file}": str(world.file),
        "{victim}": str(world.victim.info.backend_pid),
        "{channel}": MESSAGE_CHANNEL,
    }
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _asked(login: ReadingLogin, cancellation: Cancellation | None = None) -> Asked:
    patience = Patience(contact_seconds=0)
    return Asked(login, "shop", patience, _unsaid, cancellation or Cancellation())


def _unsaid(text: str) -> None:
    raise AssertionError(text)
