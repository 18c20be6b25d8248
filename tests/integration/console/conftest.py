from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import Queue

import httpx
import pytest

from rowmill.local.home.folder import Home

_ADDRESS = re.compile(r"The API is at (\S+)api,")


@dataclass
class Console:
    """A console as a user starts it, and a script's client of it."""

    home: Home
    words: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)

    def start(self) -> httpx.Client:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rowmill", "console", *self.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "ROWMILL_HOME": str(self.home.path)},
        )
        lines: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        while (found := _ADDRESS.search(line := lines.get(timeout=120))) is None:
            assert line, "".join(self.said)
        token = (self.home.path / "console" / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=f"{found[1]}api", headers=headers, timeout=120)
        return self.client

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def interrupted(self) -> int:
        """End it as Ctrl-C does, whatever its clients do; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def end(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        self.client.close()
        return self.interrupted()

    def _read(self, lines: Queue[str]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            lines.put(line)
        lines.put("")


@pytest.fixture
def console(servers: object, home: Home) -> Iterator[Console]:
    """Started by the test; it has ended when the test has."""
    found = Console(home)
    yield found
    found.end()


@pytest.fixture
def api(console: Console) -> httpx.Client:
    return console.start()
