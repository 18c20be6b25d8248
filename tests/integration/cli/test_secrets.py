"""A secret's value appears nowhere but in the files that are there to hold it."""

import os
import stat
import uuid
from pathlib import Path

import psutil
import pytest
from psycopg import sql

from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports, reader_exports
from tests.integration.cli.commands import Commands, wait_until, workers
from tests.integration.experiments import PEOPLE, Connection, manifest
from tests.integration.gate import Gate


def test_no_secret_is_shown_stored_or_passed_on(
    name: str,
    commands: Commands,
    servers: EmbeddedServers,
    home: Home,
    database: Connection,
    gate: Gate,
) -> None:
    known = exports(servers)
    login, password = f"u{name}", f"s3cr3t-{uuid.uuid4().hex}'$\\x"
    role = sql.Identifier(login)
    database.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(role, password))
    reader = reader_exports(servers)
    secrets = [password, known["PGPASSWORD"], known["AWS_SECRET_ACCESS_KEY"]]
    secrets.append(reader["PGREADPASSWORD"])
    said: list[str] = []
    ledger = f"{name}_ledger"
    postgres = {"secretName": "warehouse", "ledgerSchema": ledger}
    content = manifest(name, tables=[PEOPLE], postgres=postgres, parquet={"secretName": "lake"})
    file = commands.file(content)
    values = known | reader | {"PGUSER": login, "PGPASSWORD": password}
    escaped = {
        key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in values.items()
    }
    given = [commands.secret("warehouse", escaped), commands.secret("lake", known)]
    mine = PostgresLedger(PostgresSession(PostgresAddress(lambda: values)), ledger)
    mine.ensure()
    mine.close()
    try:
        gate.close_after(ledger, 1)
        process = commands.start("run", "-f", file, *given)
        wait_until(lambda: gate.waiting(ledger), process)
        processes = [psutil.Process(process.pid), *workers(process)]
        assert len(processes) == 2
        said += [word for each in processes for word in each.cmdline()]
        said += [value for each in processes[1:] for value in _foreign_environment(each)]
        gate.open()
        done = commands.finish(process)
        assert done.code == 0
        said += [done.out, done.err]
        wrong = commands.secret("warehouse", escaped | {"PGPASSWORD": f"{escaped['PGPASSWORD']}-"})
        refused = commands("run", "-f", file, "--restart", wrong, given[1], "-o", "json")
        assert refused.code == 3
        said += [refused.out, refused.err]
        commands.secret("warehouse", escaped)
        for words in (
            ("status", name, "-o", "json"),
            ("runs", name),
            ("query", name, "select * from people"),
            ("abort", name),
        ):
            done = commands(*words)
            assert done.code == 0 or words[0] == "abort"
            said += [done.out, done.err]
        said += _ledger_rows(database, ledger)
        said += _objects(known, f"{name}/")
        said += _files(home.path)
        said += [path.read_text() for path in commands.folder.glob("*.yaml")]
        assert [(text, secret) for secret in secrets for text in said if secret in text] == []
    finally:
        gate.open()
        database.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
        database.execute(sql.SQL("DROP ROLE {}").format(role))


def _foreign_environment(worker: psutil.Process) -> list[str]:
    ours = set(os.environ.values())
    return [value for value in worker.environ().values() if value not in ours]


def _ledger_rows(database: Connection, ledger: str) -> list[str]:
    tables = ("experiments", "runs", "batches", "lineage", "parts", "tables")
    return [
        str(row)
        for table in tables
        for row in database.execute(
            sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(ledger, table))
        )
    ]


def _objects(known: dict[str, str], prefix: str) -> list[str]:
    bucket = Bucket(S3Address(lambda: known), "rowmill")
    found = []
    for listed in bucket.list(prefix):
        head, stored = bucket.head(listed.key), bucket.read(listed.key)
        assert head is not None
        assert stored is not None
        found += [str(head), stored.body.decode("latin-1")]
    bucket.close()
    assert found
    return found


def _files(folder: Path) -> list[str]:
    """Texts of all files under the home but the servers' data and what only its owner may read."""
    texts = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts[0]
        if inside in ("postgres", "s3") or not path.is_file():
            continue
        private = stat.S_IMODE(path.stat().st_mode) == 0o600
        if not (private and inside == "servers.json"):
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
    assert texts
    return texts


@pytest.fixture(autouse=True)
def _no_stray_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [key for key in os.environ if key.startswith(("PG", "AWS_"))]:
        monkeypatch.delenv(variable)
