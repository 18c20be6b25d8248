"""Asks worker pods for their progress, which is best effort: durable is what the ledger says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from rowmill.plan.intervals import Interval
from rowmill.spec.cluster_names import PURGE
from rowmill_operator.children.pod import PORT
from rowmill_operator.observed import Pod, ShardProgress
from rowmill_operator.queue import Key
from rowmill_operator.store import Store

_TIMEOUT = aiohttp.ClientTimeout(total=2)
_BYTES = 64 * 2**10
_AT_ONCE = 50
_LONGEST_STEP = 200
_LONGEST_NOTICE = 1_000
# Rows, or rows a second: no manifest asks for as many.
_MOST = 10**18


class Poller:
    """Polls all running pods every `seconds`; `heard` is told of each experiment that was asked.

    `count` is told how each poll went: ok or failed.
    """

    def __init__(
        self,
        store: Store,
        seconds: float,
        heard: Callable[[Key], None],
        count: Callable[[str], None],
        port: int = PORT,
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._heard = heard
        self._count = count
        self._port = port
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Poll for ever."""
        connector = aiohttp.TCPConnector(limit=_AT_ONCE, force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            while True:
                begun = asyncio.get_running_loop().time()
                await self.round(session)
                spent = asyncio.get_running_loop().time() - begun
                await asyncio.sleep(max(0.5, self._seconds - spent))

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Ask every running pod once."""
        pods: dict[Key, list[Pod]] = {}
        for key, pod in self._store.running_pods():
            if pod.task != PURGE:
                pods.setdefault(key, []).append(pod)
        await asyncio.gather(*(self._experiment(session, key, pods[key]) for key in pods))

    async def _experiment(self, session: aiohttp.ClientSession, key: Key, pods: list[Pod]) -> None:
        await asyncio.gather(*(self._pod(session, key, pod) for pod in pods))
        self._heard(key)

    async def _pod(self, session: aiohttp.ClientSession, key: Key, pod: Pod) -> None:
        async with self._free:
            progress = await _ask(session, _url(pod.ip, self._port))
        self._count("failed" if progress is None else "ok")
        self._store.reported(key, pod.uid, progress)


def read_progress(document: object) -> ShardProgress | None:
    """What a pod answered, None if that is not what a worker answers."""
    if not isinstance(document, Mapping):
        return None
    rows, rate, step = (document.get(name) for name in ("rows", "rowsPerSecond", "step"))
    if not (isinstance(rows, int) and 0 <= rows <= _MOST):
        return None
    if not (isinstance(rate, int | float) and 0 <= rate <= _MOST):
        return None
    try:
        told = list(document.get("tables") or ())
        tables = {str(t["name"]): _intervals(t["batches"]) for t in told}
        batch_rows = {str(t["name"]): _batch_rows(t["batchRows"]) for t in told if "batchRows" in t}
    except (KeyError, TypeError, ValueError):
        return None
    return ShardProgress(
        rows=rows,
        rows_per_second=float(rate),
        step=str(step or "")[:_LONGEST_STEP],
        batches=tables,
        notice=str(document.get("notice") or "")[:_LONGEST_NOTICE],
        batch_rows=batch_rows,
    )


async def _ask(session: aiohttp.ClientSession, url: str) -> ShardProgress | None:
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return None
            body = await _at_most(response.content, _BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    return None if body is None else read_progress(_parsed(body))


async def _at_most(content: aiohttp.StreamReader, limit: int) -> bytes | None:
    """The body, None if it is longer than `limit`."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _intervals(value: Any) -> tuple[Interval, ...]:
    intervals = tuple((first, stop) for first, stop in value)
    for first, stop in intervals:
        if not (isinstance(first, int) and isinstance(stop, int) and 0 <= first < stop):
            raise ValueError("no interval")
    return intervals


def _batch_rows(value: Any) -> int:
    if not (isinstance(value, int) and 0 < value <= _MOST):
        raise ValueError("no batch has so many rows")
    return value


def _url(ip: str, port: int) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}/progress"
