"""Servers' places that hold what the older runs left, and today's commands against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mypy_boto3_s3 import S3Client
from psycopg import sql

import rowmill
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.spec.load import Overrides, load_spec
from tests.integration.embedded_clients import client
from tests.integration.experiments import Connection, Manifest
from tests.integration.older.older_runs import BUCKET, EARLIER_SEED, ENGINE, EVERY, POD, OlderRun
from tests.integration.older.older_states import (
    rename_uploads,
    restore_bucket,
    restore_home,
    restore_postgres,
)
from tests.postgres_login import connect


@dataclass(frozen=True)
class Left:
    """A database and a bucket of the test's own in the states dumped; `known` leads there.

    `changes` are the texts of the dump that are others here.
    """

    folder: Path
    database: Connection
    s3: S3Client
    bucket: str
    changes: Mapping[str, str]
    known: Mapping[str, str] = field(repr=False)

    @property
    def env(self) -> dict[str, str]:
        """What a command needs to be the engine that left them."""
        return {"ROWMILL_HOME": str(self.folder / "home"), "ROWMILL_ENGINE": ENGINE}

    def manifest(self, run: OlderRun) -> Manifest:
        """The run's manifest, as the restored states have it."""
        read: Manifest = json.loads(json.dumps(run.manifest).replace(BUCKET, self.bucket))
        return read

    def experiment(self, run: OlderRun, **overrides: Any) -> rowmill.Experiment:
        """The run's experiment, by its manifest; `overrides` are those of rowmill.load."""
        text = json.dumps(self.manifest(run))
        return rowmill.load("manifest", text=text, secrets=self.secrets(run), **overrides)

    def secrets(self, run: OlderRun) -> dict[str, Path]:
        """The files of the run's secrets by their names."""
        names = {"postgres": "warehouse", "parquet": "lake"}
        return {names[each]: self.folder / f"{names[each]}.env" for each in run.destinations}

    def run_words(self, run: OlderRun, *more: str) -> list[str]:
        """A command line that runs the experiment."""
        file = self.folder / f"{run.name}.json"
        file.write_text(json.dumps(self.manifest(run)))
        secrets = [f"--secret={name}={path}" for name, path in self.secrets(run).items()]
        return ["run", "-f", str(file), *secrets, "--progress=none", *more]

    def rowmill(self, *words: str) -> Any:
        """Run today's command, which must end well; returns its JSON if it was asked for."""
        done = subprocess.run(
            [sys.executable, "-m", "rowmill", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **self.env, "COLUMNS": "200"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "json" in words else done.stdout

    def runs(self) -> dict[str, list[str]]:
        """The states of the runs that `rowmill runs` lists, by their experiment, oldest first."""
        found: dict[str, list[str]] = {}
        for line in self.rowmill("runs").splitlines():
            match line.split():
                case [experiment, number, state, *_] if number.isdigit():
                    found.setdefault(experiment, []).append(state)
        return found

    def objects(self, run: OlderRun) -> set[str]:
        """Keys of the Parquet objects below the experiment's prefix."""
        pages = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{run.name}/")
        keys = {each["Key"] for each in pages.get("Contents", [])}
        return {key for key in keys if key.endswith(".parquet")}

    def uploads(self, run: OlderRun) -> set[str]:
        """Keys of the uploads below the experiment's prefix that nobody completed."""
        found = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return {each["Key"] for each in found if each["Key"].startswith(f"{run.name}/")}

    def schemas(self) -> set[str]:
        """The database's schemas."""
        return {row[0] for row in self.database.execute("SELECT nspname FROM pg_namespace")}


@contextmanager
def restored(
    servers: EmbeddedServers, connection: Connection, folder: Path, *, uploads: bool = True
) -> Iterator[Left]:
    """Restore the dumped states; `uploads` says whether pending uploads are still there."""
    name = f"older-{uuid.uuid4().hex[:10]}"
    known = {**exports(servers), "PGDATABASE": name}
    for secret in ("warehouse", "lake"):
        lines = [f"{key}='{value}'\n" for key, value in known.items()]
        (folder / f"{secret}.env").write_text("".join(lines))
    s3 = client(servers.s3)
    s3.create_bucket(Bucket=name)
    identifier = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        with connect(known) as database:
            changes = _changes(name)
            restore_postgres(database, changes)
            rename_uploads(database, restore_bucket(s3, name, changes, uploads=uploads))
            restore_home(folder / "home", folder, changes)
            yield Left(folder, database, s3, name, changes, known)
    finally:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@cache
def dumped_digests() -> dict[tuple[str, int | None], str]:
    """The digests of the dumped runs, by experiment and the seed that its run was given."""
    return {
        (run.name, seed): load_spec(
            "manifest", text=json.dumps(run.manifest), overrides=Overrides(seed=seed)
        ).digest
        for run in (*EVERY, POD)
        for seed in ((None, EARLIER_SEED) if run.over else (None,))
    }


def _changes(bucket: str) -> dict[str, str]:
    """A bucket of another name makes other manifests, and so other digests."""
    digests = {}
    for (name, seed), digest in dumped_digests().items():
        run = next(run for run in (*EVERY, POD) if run.name == name)
        text = json.dumps(run.manifest).replace(BUCKET, bucket)
        digests[digest] = load_spec("manifest", text=text, overrides=Overrides(seed=seed)).digest
    return {BUCKET: bucket, **digests}
