"""The settings of the embedded Postgres: fit for bulk loading, and as durable as the defaults."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

_MIB = 1 << 20


def settings_file(port: int, socket_dir: str, data: Path) -> str:
    """Return the text of the configuration file for a cluster on this machine.

    It stands in for postgresql.conf; what a user sets by ALTER SYSTEM still goes before it.
    """
    memory = psutil.virtual_memory().total // _MIB
    disk = shutil.disk_usage(data).free // _MIB
    settings: dict[str, str | int] = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": _directory(socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": 100,
        "password_encryption": "scram-sha-256",
        "shared_buffers": f"{_between(128, memory // 8, 1024)}MB",
        "maintenance_work_mem": f"{_between(64, memory // 32, 512)}MB",
        "work_mem": "32MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "dynamic_shared_memory_type": _shared_memory(),
        # No standby and no archive: indexes built in finalize then go to disk without the log.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_logical_replication_workers": 0,
        "wal_buffers": "64MB",
        # A load is sequential, so frequent checkpoints cost much and spare only recovery time.
        "max_wal_size": f"{log_limit(disk * _MIB) // _MIB}MB",
        "checkpoint_timeout": "30min",
        "random_page_cost": "1.1",
        # Loaded rows are counted by ANALYZE in finalize; a freeze of them amid a load is waste.
        "autovacuum_vacuum_insert_threshold": -1,
        # A publish drops all tables of a run at once, and locks each of their parts.
        "max_locks_per_transaction": 1024,
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
    }
    return "".join(f"{name} = '{_quoted(value)}'\n" for name, value in settings.items())


def log_limit(free: int) -> int:
    """How many bytes of write-ahead log are kept where so many are free when the server starts."""
    return _between(256, free // 16 // _MIB, 8192) * _MIB


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


def _quoted(value: str | int) -> str:
    return str(value).replace("'", "''")


def _directory(path: str) -> str:
    """Quote one element of a comma-separated list of folders."""
    return '"' + path.replace('"', '""') + '"'


def _shared_memory() -> str:
    """Return where parallel workers share memory; containers often have 64 MiB in /dev/shm."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 512 * _MIB
    return "posix" if roomy else "mmap"
