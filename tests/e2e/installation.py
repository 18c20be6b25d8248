"""The project installed on a cluster: its images, its chart, and the servers of the dev stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import yaml

from tests.e2e.cluster import binaries
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.images import PYTHON, Base, Builder, Image

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "helm" / "rowmill"
RELEASE = "rowmill"
RELEASE_NAMESPACE = "rowmill-system"
POSTGRES_SECRET = "warehouse"
S3_SECRET = "lake"
BUCKET = "rowmill"
# So little processor that the node has room for all of a test's workers at once.
_RESOURCES = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_STACK = REPOSITORY / "examples" / "dev-stack.yaml"
_DOCKERFILES = Path(__file__).parent / "images"
_POSTGRES = Base("postgres", ("postgresql-17",))


@dataclass(frozen=True)
class Images:
    """What pods run; names of images that the cluster can start."""

    worker: str
    operator: str
    postgres: str | None = None
    seaweedfs: str | None = None


class Installation:
    """The chart's release in RELEASE_NAMESPACE and the dev stack in a namespace of its own."""

    def __init__(self, cluster: Cluster, images: Images, namespace: str) -> None:
        self.cluster = cluster
        self.images = images
        self.namespace = namespace
        text = _STACK.read_text(encoding="utf-8")
        self._stack = [one for one in yaml.safe_load_all(_with_images(text, images)) if one]

    def install(self) -> None:
        """Bring up the servers, then the operator; do nothing where both are there already."""
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": restricted_labels()},
        }
        self.cluster.apply(namespace)
        self.cluster.apply(*self._stack, namespace=self.namespace)
        self.upgrade()
        sets = [one["metadata"]["name"] for one in self._stack if one["kind"] == "StatefulSet"]
        for name in sets:
            options = ("--namespace", self.namespace, "--timeout=180s")
            self.cluster.kubectl("rollout", "status", f"statefulset/{name}", *options, seconds=200)
        # A pod that is ready is reached by its Service a moment later.
        wait_for(self._is_reached, 180, "Postgres to answer by its Service")

    def upgrade(
        self,
        *options: str,
        release: str = RELEASE,
        namespace: str = RELEASE_NAMESPACE,
        chart: Path = CHART,
    ) -> None:
        """Install or upgrade the chart with the images and the dev stack as default destinations.

        Further options go to Helm, `--set` among them.
        """
        values = {
            "image": _reference(self.images.operator),
            "worker": {"image": _reference(self.images.worker), "resources": _RESOURCES},
            "destinations": {
                "postgres": {"secretName": POSTGRES_SECRET},
                "parquet": {"bucket": BUCKET, "secretName": S3_SECRET},
            },
        }
        self.helm(
            *("upgrade", "--install", release, str(chart), "--namespace", namespace),
            *("--create-namespace", "--wait", "--timeout", "180s", "--values", "-", *options),
            input=json.dumps(values),
        )

    @contextmanager
    def upgraded(self, *options: str) -> Iterator[None]:
        """The release with further options of Helm's, `--set` among them; afterwards as before."""
        self.upgrade(*options)
        try:
            yield
        finally:
            self.upgrade()

    def uninstall(self) -> None:
        """Remove the release and the servers; the CRD stays, as the chart says."""
        self.helm("uninstall", RELEASE, "--namespace", RELEASE_NAMESPACE, "--ignore-not-found")
        for namespace in (self.namespace, RELEASE_NAMESPACE):
            self.cluster.kubectl("delete", "namespace", namespace, "--ignore-not-found")

    def helm(self, *arguments: str, input: str = "") -> str:
        """Run the real Helm and return what it printed.

        Raises:
            RuntimeError: it failed; the text is its standard error.
        """
        result = subprocess.run(
            [str(binaries.go_program("helm")), *arguments],
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)},
            input=input,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if result.returncode != 0:
            story = self.cluster.story(RELEASE_NAMESPACE)
            raise RuntimeError(f"helm {' '.join(arguments[:3])}: {result.stderr}\n{story}")
        return result.stdout

    @contextmanager
    def another_database(self, namespace: str, secret: str) -> Iterator[str]:
        """A new database, to which a new Secret of the namespace leads; its name."""
        name = f"d{uuid.uuid4().hex[:8]}"
        with self.postgres() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        data = self._as_reached(self._secret(POSTGRES_SECRET)) | {"PGDATABASE": name}
        metadata = {"name": secret}
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        self.cluster.apply(made, namespace=namespace)
        yield name
        with self.postgres() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def give_secrets(self, namespace: str) -> None:
        """Let a namespace's Experiments reach the servers by the same names of Secrets."""
        for secret in self._secrets():
            data = self._as_reached(secret["stringData"])
            metadata = {"name": secret["metadata"]["name"]}
            copy = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
            self.cluster.apply(copy, namespace=namespace)

    @contextmanager
    def postgres(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A connection of the test's own, which commits each statement; else to the Secret's."""
        secret = self._secret(POSTGRES_SECRET)
        with (
            self.cluster.address("postgres", 5432, self.namespace) as (host, port),
            psycopg.connect(
                host=host,
                port=port,
                user=secret["PGUSER"],
                password=secret["PGPASSWORD"],
                dbname=database or secret["PGDATABASE"],
                autocommit=True,
            ) as connection,
        ):
            yield connection

    @contextmanager
    def s3(self) -> Iterator[S3Client]:
        """A client of the test's own."""
        secret = self._secret(S3_SECRET)
        with self.cluster.address("s3", 8333, self.namespace) as (host, port):
            yield boto3.client(
                "s3",
                endpoint_url=f"http://{host}:{port}",
                region_name=secret["AWS_REGION"],
                aws_access_key_id=secret["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=secret["AWS_SECRET_ACCESS_KEY"],
            )

    @contextmanager
    def secret_options(self, folder: Path) -> Iterator[list[str]]:
        """Options of `rowmill` by which the one-machine commands reach the servers."""
        with (
            self.cluster.address("postgres", 5432, self.namespace) as (host, port),
            self.cluster.address("s3", 8333, self.namespace) as (s3_host, s3_port),
        ):
            reached = {
                POSTGRES_SECRET: {"PGHOST": host, "PGPORT": str(port)},
                S3_SECRET: {"AWS_ENDPOINT_URL": f"http://{s3_host}:{s3_port}"},
            }
            options = []
            for name, here in reached.items():
                lines = (f"{key}={value}\n" for key, value in (self._secret(name) | here).items())
                (folder / f"{name}.env").write_text("".join(lines), encoding="utf-8")
                options += ["--secret", f"{name}={folder / name}.env"]
            yield options

    def _as_reached(self, secret: Mapping[str, str]) -> dict[str, str]:
        """A Secret's values as from any namespace."""
        data = dict(secret)
        if "PGHOST" in data:
            data["PGHOST"] = f"{data['PGHOST']}.{self.namespace}.svc"
        if "AWS_ENDPOINT_URL" in data:
            data["AWS_ENDPOINT_URL"] = data["AWS_ENDPOINT_URL"].replace(
                "http://s3:", f"http://s3.{self.namespace}.svc:"
            )
        return data

    def _is_reached(self) -> bool:
        try:
            with self.postgres():
                return True
        except psycopg.OperationalError:
            return False

    def _secrets(self) -> list[dict[str, Any]]:
        return [one for one in self._stack if one["kind"] == "Secret"]

    def _secret(self, name: str) -> dict[str, str]:
        data: dict[str, str] = next(
            one["stringData"] for one in self._secrets() if one["metadata"]["name"] == name
        )
        return data


@contextmanager
def new_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that admits restricted pods only; afterwards it is deleted, not waited for."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": restricted_labels()}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield name
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


def restricted_labels() -> dict[str, str]:
    """The labels of a namespace that admits restricted pods only."""
    return {"pod-security.kubernetes.io/enforce": "restricted"}


def build_images(builder: Builder) -> list[Image]:
    """Build worker, operator, Postgres and SeaweedFS, or find them in the cache."""
    return [
        project_image(builder, "worker", "job_image"),
        project_image(builder, "operator", "operator"),
        postgres_image(builder),
        seaweedfs_image(builder),
    ]


def project_image(builder: Builder, name: str, folder: str) -> Image:
    """Build the Dockerfile of a folder, which needs nothing but that folder and the library."""
    return builder.project_image(name, f"{folder}/Dockerfile", REPOSITORY, (folder, "rowmill"))


def postgres_image(builder: Builder) -> Image:
    """Debian's Postgres, called as the official image is."""
    context = _DOCKERFILES / "postgres"
    return builder.image("postgres", context, context / "Dockerfile", _POSTGRES)


def seaweedfs_image(builder: Builder) -> Image:
    """The SeaweedFS of the locked wheel, called as the official image is."""
    with tempfile.TemporaryDirectory(prefix="rowmill-e2e-context-") as folder:
        context = Path(folder)
        shutil.copy(_DOCKERFILES / "seaweedfs" / "Dockerfile", context)
        shutil.copy(Path(sysconfig.get_path("scripts")) / "weed", context)
        return builder.image("seaweedfs", context, context / "Dockerfile", PYTHON)


def _with_images(manifest: str, images: Images) -> str:
    for kind, image in (("postgres", images.postgres), ("seaweedfs", images.seaweedfs)):
        if image is not None:
            manifest, count = re.subn(rf"image: \S*{kind}\S*", f"image: {image}", manifest)
            assert count == 1, f"{_STACK.name} has {count} images of {kind}"
    return manifest


def _reference(image: str) -> dict[str, str]:
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}
