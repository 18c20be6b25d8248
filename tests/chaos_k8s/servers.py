"""The dev stack's servers, on disks that outlive their pods, as this process reaches them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
from botocore.config import Config
from dotenv import dotenv_values
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.installation import BUCKET, POSTGRES_SECRET, S3_SECRET, Installation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

POSTGRES, S3 = "postgres", "s3"
# A server that went with its pod's network answers nothing at all, not even a refusal.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
_USERS = {POSTGRES: 999, S3: 1000}


@dataclass(frozen=True)
class Servers:
    """Postgres and S3; `secrets` are files as `rowmill verify --secret` takes them."""

    cluster: Cluster
    namespace: str
    secrets: dict[str, Path]

    def connect(self) -> psycopg.Connection:
        """A connection of the test's own."""
        known = self._known(POSTGRES_SECRET)
        values = make_conninfo(
            host=known["PGHOST"],
            port=known["PGPORT"],
            user=known["PGUSER"],
            password=known["PGPASSWORD"],
            dbname=known["PGDATABASE"],
            application_name="chaos reader",
        )
        return psycopg.connect(values, **_PATIENCE)

    def s3(self) -> S3Client:
        """A client of the test's own, which tries once."""
        known = self._known(S3_SECRET)
        return boto3.client(
            "s3",
            endpoint_url=known["AWS_ENDPOINT_URL"],
            aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
            region_name=known["AWS_REGION"],
            config=Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
            ),
        )

    def pod(self, server: str) -> dict[str, Any] | None:
        return self.cluster.find("pod", f"{server}-0", self.namespace)

    def rest(self) -> None:
        """Wait until both are ready, on their disks, in pods that were not killed too often."""
        for server in _USERS:
            pod = self.pod(server)
            if pod is not None and worn(pod):
                self.replace(server)
        for server in _USERS:
            wait_for(partial(self._rested, server), 120, f"{server} is ready")

    def replace(self, server: str) -> None:
        """End a server's pod by SIGKILL after a second; another comes up on its disk."""
        options = ("--namespace", self.namespace, "--grace-period=1", "--wait=false")
        self.cluster.kubectl("delete", "pod", f"{server}-0", *options)

    def forget(self, name: str) -> None:
        """Remove what an experiment of this name loaded, to have room for the next."""
        with self.connect() as connection:
            connection.execute("SET lock_timeout = '10s'")
            statement = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
            connection.execute(statement)
        client = self.s3()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{name}/")
        for page in pages:
            keys: list[ObjectIdentifierTypeDef] = [
                {"Key": item["Key"]} for item in page.get("Contents", [])
            ]
            if keys:
                client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})

    def _rested(self, server: str) -> bool:
        pod = self.pod(server)
        return pod is not None and rested(pod) and _on_disk(pod)

    def _known(self, secret: str) -> dict[str, str]:
        return {key: value or "" for key, value in dotenv_values(self.secrets[secret]).items()}


def worn(pod: dict[str, Any]) -> bool:
    """Whether a pod would wait for its next restart: longer with each, to minutes."""
    statuses = pod["status"].get("containerStatuses") or ()
    return any(status["restartCount"] > 1 for status in statuses)


def rested(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready, stays, and would be restarted at once."""
    conditions = pod["status"].get("conditions") or ()
    ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
    return ready and not worn(pod) and "deletionTimestamp" not in pod["metadata"]


@contextmanager
def lasting_servers(installation: Installation, folder: Path) -> Iterator[Servers]:
    """The installed servers on disks below `folder`; what they had before is lost."""
    cluster, namespace = installation.cluster, installation.namespace
    for server, user in _USERS.items():
        disk = folder / server
        disk.mkdir(mode=0o700)
        os.chown(disk, user, user)
        cluster.apply(*_disk(server, disk, namespace), namespace=namespace)
        volume = {"name": "data", "emptyDir": None, "persistentVolumeClaim": {"claimName": server}}
        change = {"spec": {"template": {"spec": {"volumes": [volume]}}}}
        options = ("--namespace", namespace, "--patch", json.dumps(change))
        cluster.kubectl("patch", "statefulset", server, *options)
    with installation.secret_options(folder):
        secrets = {name: folder / f"{name}.env" for name in (POSTGRES_SECRET, S3_SECRET)}
        servers = Servers(cluster, namespace, secrets)
        servers.rest()
        yield servers


def _on_disk(pod: dict[str, Any]) -> bool:
    return any("persistentVolumeClaim" in volume for volume in pod["spec"]["volumes"])


def _disk(server: str, path: Path, namespace: str) -> list[dict[str, Any]]:
    size = {"storage": "10Gi"}
    modes = ["ReadWriteOnce"]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": server},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "storageClassName": "",
                "hostPath": {"path": str(path)},
                "claimRef": {"namespace": namespace, "name": server},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": server},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": server,
                "resources": {"requests": size},
            },
        },
    ]
