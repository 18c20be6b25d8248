"""What opens the console: a token for scripts, one-time codes, and sessions of browsers.

A session has two halves, the cookie and a second secret; neither alone opens anything, since every
loopback port shares the cookies and no other origin sees what the page keeps. What is kept on the
disk are digests, so that a console that is started again knows its sessions, and a copy of the
folder opens none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# So long a link may lie unused, and a session be open.
_CODE_SECONDS = 3600.0
_SESSION_SECONDS = 30 * 24 * 3600.0
_MOST_SESSIONS = 100
_BYTES = 32


@dataclass(frozen=True)
class BrowserSession:
    """The two halves, as they are given to a browser once."""

    cookie: str
    secret: str


class Sessions:
    """The secrets of one console, below a folder that its user alone may enter.

    The token is that of all consoles there. Sessions are of the `port`, as their cookies are: of
    two consoles each keeps its own, and neither brings back what the other has ended.
    """

    def __init__(self, folder: Path, port: int, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.token_file = folder / "token"
        self._kept = folder / f"sessions-{port}.json"
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, float] = {}
        self._token = _digest(_token(self.token_file))
        self._open = _read(self._kept)

    def new_code(self) -> str:
        """A code that opens one session."""
        code = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._codes[_digest(code)] = self._clock() + _CODE_SECONDS
        return code

    def takes_code(self, code: str) -> bool:
        """Whether the code is one of ours that nobody has used; it is used by that."""
        with self._lock:
            until = self._codes.pop(_digest(code), 0.0)
        return self._clock() < until

    def is_token(self, token: str) -> bool:
        """Whether it is the scripts' token."""
        return hmac.compare_digest(_digest(token), self._token)

    def open(self) -> BrowserSession:
        """A new session; the oldest ends where there are too many."""
        session = BrowserSession(secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))
        now = self._clock()
        with self._lock:
            alive = [(key, kept) for key, kept in self._open.items() if kept[1] > now]
            known = dict(sorted(alive, key=lambda each: each[1][1])[1 - _MOST_SESSIONS :])
            known[_digest(session.cookie)] = (_digest(session.secret), now + _SESSION_SECONDS)
            self._open = known
            self._keep()
        return session

    def is_open(self, cookie: str | None, secret: str | None) -> bool:
        """Whether these are the two halves of one session."""
        if not cookie or not secret:
            return False
        kept = self._open.get(_digest(cookie))
        if kept is None:
            return False
        return hmac.compare_digest(_digest(secret), kept[0]) and self._clock() < kept[1]

    def close(self, cookie: str) -> None:
        """End the session of the cookie, if there is one."""
        with self._lock:
            if self._open.pop(_digest(cookie), None) is not None:
                self._keep()

    def _keep(self) -> None:
        _write(self._kept, json.dumps(self._open))


def _digest(secret: str) -> str:
    # Of 256 random bits: there is nothing to guess, so a fast digest does.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token(file: Path) -> str:
    """The token that the file holds; a new one where it holds none, or others may read it."""
    try:
        with file.open(encoding="ascii") as opened:
            status = os.fstat(opened.fileno())
            token = opened.read().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        token = ""
    else:
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            token = ""
    if len(token) < _BYTES:
        token = secrets.token_urlsafe(_BYTES)
        _write(file, token + "\n")
    return token


def _read(file: Path) -> dict[str, tuple[str, float]]:
    try:
        found = json.loads(file.read_text("ascii"))
        return {str(key): (str(secret), float(until)) for key, (secret, until) in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        # What is damaged opens nothing.
        return {}


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others."""
    new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text)
    new.replace(file)


def cookie_name(port: int, *, tls: bool) -> str:
    """The name of the session's cookie: of this port alone, though all ports share cookies."""
    return f"__Host-rowmill_{port}" if tls else f"rowmill_{port}"
