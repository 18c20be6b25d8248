"""The processes of a home's servers, and what the home remembers of them."""

from __future__ import annotations

import json

import psutil

from rowmill.local.home import Home
from rowmill.local.servers.process import processes


def leaders(home: Home) -> set[int]:
    return {postmaster_or_weed(home, program).pid for program in ("postgres", "weed")}


def all_pids(home: Home) -> set[int]:
    token = record_of(home)["token"]
    return {
        found.process.pid for program in ("postgres", "weed") for found in processes(program, token)
    }


def postmaster_or_weed(home: Home, program: str) -> psutil.Process:
    found = processes(program, record_of(home)["token"])
    return next(one.process for one in found if one.process.ppid() == 1 or program == "weed")


def record_of(home: Home) -> dict[str, object]:
    return json.loads(home.servers_file.read_text())
