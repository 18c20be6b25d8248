"""The processes of a home's servers, and what the home remembers of them."""

from __future__ import annotations

import json
from typing import Any

import psutil

from rowmill.local.home.folder import Home
from rowmill.local.servers.process import processes
from tests.processes import said


def leaders(home: Home) -> set[int]:
    return {postmaster_or_weed(home, program).pid for program in ("postgres", "weed")}


def all_processes(home: Home) -> list[psutil.Process]:
    """The servers' processes, of which Postgres's children may end at any time."""
    return [*_processes(home, "postgres"), *_processes(home, "weed")]


def all_pids(home: Home) -> set[int]:
    return {process.pid for process in all_processes(home)}


def postmaster_or_weed(home: Home, program: str) -> psutil.Process:
    parents = said(_processes(home, program), psutil.Process.ppid)
    return next(one for one, parent in parents if parent == 1 or program == "weed")


def _processes(home: Home, program: str) -> list[psutil.Process]:
    return [found.process for found in processes(program, record_of(home)["token"])]


def record_of(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(home.servers_file.read_text())
    return found
