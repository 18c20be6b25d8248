"""Images without a registry: a base of Debian packages, Dockerfiles built on it, archives of both.

A base is a Debian system made by mmdebstrap, so nothing is pulled. What was built is cached outside
the repository under a name that its content gives it: the same files are never built twice.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tests.e2e.cluster.binaries import cache_folder, fingerprint, written_at_once

_SUITE = "trixie"
_REGISTRY = "localhost/rowmill-e2e"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Sessions of other branches share the cache, and one may be about to load what it built.
_KEPT = 5
# Some 5 GB of builds that differ in a few files each.
_KEPT_LAYERS = 200
_CREATED = "2026-01-01T00:00:00Z"
_LEAVE_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")


@dataclass(frozen=True)
class Base:
    """A Debian system of the essential packages and these."""

    name: str
    packages: tuple[str, ...]

    @property
    def image(self) -> str:
        made_of = fingerprint([_SUITE, *self.packages, *_LEAVE_OUT])
        return f"{_REGISTRY}/{self.name}-base:{made_of}"


# python3-minimal's interpreter cannot load pyarrow without libstdc++6, and only says so when run.
PYTHON = Base("python", ("python3-minimal", "python3-venv", "ca-certificates", "libstdc++6"))


@dataclass(frozen=True)
class Image:
    """A built image: its full name, and the OCI archive that holds it."""

    name: str
    archive: Path


class Builder:
    """Builds with buildah; `outside` wraps a command that must reach the package registries."""

    def __init__(self, outside: Callable[[list[str]], list[str]] = list) -> None:
        self._outside = outside
        self._folder = cache_folder() / "images"
        self._folder.mkdir(exist_ok=True)
        self._lock = FileLock(self._folder / ".lock")
        storage = f'graphroot="{self._folder}/storage"\nrunroot="{self._folder}/run"\n'
        self._storage = self._folder / "storage.conf"
        self._policy = self._folder / "policy.json"
        self._storage.write_text(f'[storage]\ndriver="overlay"\n{storage}', encoding="utf-8")
        self._policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}', encoding="utf-8")

    def project_image(
        self, name: str, dockerfile: str, repository: Path, folders: tuple[str, ...]
    ) -> Image:
        """Build one of the project's Dockerfiles, whose context is these folders of the repository.

        Raises:
            RuntimeError: the build failed; the text has the end of its output.
        """
        with tempfile.TemporaryDirectory(prefix="rowmill-e2e-context-") as folder:
            context = Path(folder)
            for path in _known_files(repository, folders):
                (context / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(repository / path, context / path, follow_symlinks=False)
            return self.image(name, context, context / dockerfile, PYTHON)

    def image(self, name: str, context: Path, dockerfile: Path, base: Base = PYTHON) -> Image:
        """Build a Dockerfile whose `ARG BASE` is the base, with its context.

        Raises:
            RuntimeError: the build failed; the text has the end of its output.
        """
        relative = str(dockerfile.relative_to(context))
        tag = fingerprint([base.image, relative, _content(context)])
        image = Image(f"{_REGISTRY}/{name}:{tag}", self._folder / f"{name}-{tag}.tar")
        with self._lock:
            if not image.archive.exists():
                self._make_base(base)
                self._build(image, context, dockerfile, base)
                self._remove_older(name, image)
        return image

    def base_image(self, base: Base) -> Image:
        """Make the image of a base alone."""
        tag = base.image.rpartition(":")[2]
        image = Image(base.image, self._folder / f"{base.name}-base-{tag}.tar")
        with self._lock:
            if not image.archive.exists():
                self._make_base(base)
                self._pack(image)
        return image

    def unpacked(self, image: Image) -> list[tuple[str, int]]:
        """Path and size in bytes of each file in an image's layers.

        What a layer removes of one below it still counts, as it still takes its room.
        """
        with tempfile.TemporaryDirectory(prefix="rowmill-e2e-layers-") as folder:
            self._buildah(
                "push",
                *self._trust(),
                "--format=oci",
                "--disable-compression",
                image.name,
                f"dir:{folder}",
            )
            config = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
            layers = [Path(folder) / layer["digest"][7:] for layer in config["layers"]]
            return [file for layer in layers for file in _files(layer)]

    def _build(self, image: Image, context: Path, dockerfile: Path, base: Base) -> None:
        self._buildah(
            *("build", "--quiet", *self._trust(), "--layers", "--force-rm", "--pull-never"),
            # buildah's own bridge would need rules in the machine's iptables.
            *("--network", "host"),
            # The machine's own authorities, for whatever stands before the package index.
            *("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"),
            *("--build-arg", f"BASE={base.image}", "--file", str(dockerfile)),
            *("--tag", image.name, str(context)),
        )
        self._pack(image)

    def _pack(self, image: Image) -> None:
        with written_at_once(image.archive) as unfinished:
            target = f"oci-archive:{unfinished}:{image.name}"
            self._buildah("push", "--quiet", *self._trust(), image.name, target)

    def _make_base(self, base: Base) -> None:
        if base.image in self._built():
            return
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".base-") as folder:
            root = Path(folder) / "root.tar"
            left_out = [f"--dpkgopt=path-exclude={path}" for path in _LEAVE_OUT]
            self._run(
                *("mmdebstrap", "--quiet", "--variant=essential", "--components=main"),
                *(f"--include={','.join(base.packages)}", *left_out, _SUITE, str(root)),
            )
            container = self._buildah("from", *self._trust(), "scratch").strip()
            self._buildah("add", "--quiet", container, str(root), "/")
            settings = ("--env", f"PATH={_PATH}", "--env", "LANG=C.UTF-8", "--cmd", "python3")
            self._buildah("config", *settings, container)
            self._buildah("commit", "--quiet", *self._trust(), "--rm", container, base.image)

    def _built(self) -> list[str]:
        return self._buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def _remove_older(self, name: str, image: Image) -> None:
        archives = sorted(self._folder.glob(f"{name}-*.tar"), key=lambda one: one.stat().st_mtime)
        for archive in archives[:-_KEPT]:
            archive.unlink()
        for other in self._built():
            if other.startswith(f"{_REGISTRY}/{name}:") and other != image.name:
                self._buildah("rmi", "--force", other)
        if len(self._buildah("images", "--all", "--quiet").split()) > _KEPT_LAYERS:
            self._buildah("rmi", "--prune", "--force")

    def _trust(self) -> tuple[str, str]:
        return "--signature-policy", str(self._policy)

    def _buildah(self, *arguments: str) -> str:
        return self._run("buildah", *arguments)

    def _run(self, *command: str) -> str:
        settings = {
            "CONTAINERS_STORAGE_CONF": str(self._storage),
            "BUILDAH_ISOLATION": "oci",
            "BUILDAH_RUNTIME": "runc",
        }
        result = subprocess.run(
            self._outside(list(command)),
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            end = (result.stdout + result.stderr)[-6000:]
            raise RuntimeError(f"{' '.join(command[:2])} failed ({result.returncode}):\n{end}")
        return result.stdout


def single_file_image(archive: Path, image: str, program: Path) -> None:
    """Write the OCI archive of an image that holds one static program, its entry point."""
    layer = _tar({program.name: (program.read_bytes(), 0o755)})
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES[os.uname().machine],
            "os": "linux",
            "created": _CREATED,
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65534:65534"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _entry("application/vnd.oci.image.config.v1+json", config),
            "layers": [_entry("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    ).encode()
    listed = _entry("application/vnd.oci.image.manifest.v1+json", manifest)
    annotations = {"io.containerd.image.name": image}
    index = {"schemaVersion": 2, "manifests": [{**listed, "annotations": annotations}]}
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (layer, config, manifest)}
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **blobs,
    }
    archive.write_bytes(_tar({name: (content, 0o644) for name, content in files.items()}))


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _entry(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def _known_files(repository: Path, folders: tuple[str, ...]) -> list[Path]:
    # What git ignores (compiled modules above all) is left out, what it does not know yet is not.
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    paths = sorted({Path(name) for name in listed.stdout.split("\0") if name})
    return [path for path in paths if os.path.lexists(repository / path)]


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        mode = path.lstat().st_mode & 0o111
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{mode}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(layer: Path) -> list[tuple[str, int]]:
    with tarfile.open(layer) as tar:
        return [(entry.name, entry.size) for entry in tar]
