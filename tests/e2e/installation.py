"""The project installed on a cluster: its images, its chart, and the servers of the dev stack."""

from __future__ import annotations

import re
import shutil
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .cluster.images import PYTHON, Base, Builder, Image

REPOSITORY = Path(__file__).parents[2]
_HERE = Path(__file__).parent / "images"
_POSTGRES = Base("postgres", ("postgresql-17",))


@dataclass(frozen=True)
class Images:
    """What the tests' pods run."""

    worker: Image
    operator: Image
    postgres: Image
    seaweedfs: Image

    def all(self) -> tuple[Image, ...]:
        return self.worker, self.operator, self.postgres, self.seaweedfs


def build_images(builder: Builder) -> Images:
    """Build all four, or find them in the cache."""
    return Images(
        worker=builder.project_image("worker", "job_image/Dockerfile", REPOSITORY),
        operator=builder.project_image("operator", "operator/Dockerfile", REPOSITORY),
        postgres=postgres_image(builder),
        seaweedfs=seaweedfs_image(builder),
    )


def postgres_image(builder: Builder) -> Image:
    """Debian's Postgres, called as the official image is."""
    context = _HERE / "postgres"
    return builder.image("postgres", context, context / "Dockerfile", _POSTGRES)


def seaweedfs_image(builder: Builder) -> Image:
    """The SeaweedFS of the locked wheel, called as the official image is."""
    with tempfile.TemporaryDirectory(prefix="rowmill-e2e-context-") as folder:
        context = Path(folder)
        shutil.copy(_HERE / "seaweedfs" / "Dockerfile", context)
        shutil.copy(Path(sysconfig.get_path("scripts")) / "weed", context)
        return builder.image("seaweedfs", context, context / "Dockerfile", PYTHON)


def with_images(manifest: str, images: Images) -> str:
    """The dev stack's text, with the images built here in the place of the public ones."""
    for image in (images.postgres, images.seaweedfs):
        kind = image.name.rpartition("/")[2].partition(":")[0]
        manifest = re.sub(rf"image: \S*{kind}\S*", f"image: {image.name}", manifest)
    return manifest
