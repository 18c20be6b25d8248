"""Run a command and tell the processor time of all its processes, whoever waits for them.

    python counted.py RESULT COMMAND...

A process that the command leaves behind becomes a child of this one (a subreaper, which Linux has)
and is waited for. RESULT gets a JSON document: `seconds` until the command itself ended, its
`code`, and `cpuSeconds` (user + system) of it and all below it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def main(result: str, command: list[str]) -> None:
    """Run the command to its end and to that of all that it started."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot adopt what the command leaves")
    began = time.monotonic()
    started = os.posix_spawnp(command[0], command, os.environ)
    seconds, code, cpu_seconds = 0.0, 0, 0.0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        # Of a child it holds what the child's own children took that it waited for.
        cpu_seconds += usage.ru_utime + usage.ru_stime
        if pid == started:
            seconds = time.monotonic() - began
            code = os.waitstatus_to_exitcode(status)
    document = {"seconds": seconds, "cpuSeconds": cpu_seconds, "code": code}
    Path(result).write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
