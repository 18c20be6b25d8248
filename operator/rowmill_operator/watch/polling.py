"""Asks worker pods for their progress, which is best effort: durable is what the ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from rowmill.plan.pod_contract import PORT, PROGRESS_PATH
from rowmill.plan.pod_progress import MOST_BYTES, PodProgress
from rowmill.spec.cluster_names import FINALIZE, SHARD, VERIFY
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.store import Store
from rowmill_operator.model.observed import Pod

_TIMEOUT = aiohttp.ClientTimeout(total=2)
_AT_ONCE = 50


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
            if pod.task in (SHARD, FINALIZE, VERIFY):
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


async def _ask(session: aiohttp.ClientSession, url: str) -> PodProgress | None:
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return None
            body = await _at_most(response.content, MOST_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    return None if body is None else PodProgress.parse(body)


async def _at_most(content: aiohttp.StreamReader, limit: int) -> bytes | None:
    """The body, None if it is longer than `limit`."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


def _url(ip: str, port: int) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}{PROGRESS_PATH}"
