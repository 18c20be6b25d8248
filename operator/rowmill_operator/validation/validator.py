"""Judges manifests and freezes plans in one long-lived process under time and memory limits."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rowmill.counting import counted
from rowmill_operator.model.actions import FreezePlan, Validate
from rowmill_operator.model.settings import Settings

_SECONDS = 20.0
_MEMORY = 768 * 2**20
# An answer holds a bundle in base64 at most.
_LINE = 4 * 2**20
_TOO_LONG = "the manifest takes too long to check; make it smaller"
_TOO_MUCH = "the manifest takes too much memory to check; make it smaller"


class Unjudged(Exception):
    """No verdict: the validator's process could not be run, or ended by a fault of its own."""


@dataclass(frozen=True)
class Judgement:
    """What was found: `problems`, and then the `reason`, or the digest, with a bundle if asked.

    `passing` problems may be the node's: it was too busy, or lacked memory. `warnings` are of a
    manifest without problems.
    """

    digest: str = ""
    bundle: bytes = b""
    problems: tuple[str, ...] = ()
    reason: str = ""
    passing: bool = False
    warnings: tuple[str, ...] = ()


class Validator:
    """The process, started when it is needed and again when it has ended or was killed."""

    def __init__(
        self, settings: Settings, *, seconds: float = _SECONDS, memory: int = _MEMORY
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._memory = memory
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def judge(self, namespace: str, manifest: str, wanted: Validate) -> Judgement:
        """Judge an Experiment's JSON.

        Raises:
            Unjudged: there is no verdict; try again.
        """
        request = {
            "do": "judge",
            "planned": wanted.planned,
            "plannedBy": wanted.planned_by.to_json() if wanted.planned_by is not None else None,
        }
        return await self._ask(request | self._common(namespace, manifest, wanted))

    async def freeze(
        self, namespace: str, uid: str, manifest: str, wanted: FreezePlan
    ) -> Judgement:
        """Freeze the plan of a run of an Experiment; raises as `judge` does."""
        limits = self._settings.resources.get("limits") or {}
        request = {
            "do": "freeze",
            "engine": wanted.engine,
            "image": wanted.image,
            "memory": limits.get("memory"),
            "uid": uid,
            "number": wanted.number,
            "adopt": wanted.adopt,
        }
        return await self._ask(request | self._common(namespace, manifest, wanted))

    async def close(self) -> None:
        """End the process."""
        await self._kill()

    def _common(
        self, namespace: str, manifest: str, wanted: Validate | FreezePlan
    ) -> dict[str, Any]:
        return {
            "namespace": namespace,
            "manifest": manifest,
            "rerun": wanted.rerun,
            "dataVersion": wanted.data_version,
            "defaults": wanted.defaults.to_json(),
            "serviceAccounts": list(self._settings.service_accounts),
        }

    async def _ask(self, request: Mapping[str, Any]) -> Judgement:
        line = json.dumps(request).encode() + b"\n"
        async with self._turn:
            try:
                answer = await self._answer(line)
                if answer is None:
                    # The kernel may have killed it for another's memory: that is told by asking
                    # a new process.
                    answer = await self._answer(line)
            except TimeoutError:
                return Judgement(problems=(_TOO_LONG,), reason="InvalidSpec", passing=True)
        if answer is None or answer.get("memory"):
            passing = answer is None
            return Judgement(problems=(_TOO_MUCH,), reason="InvalidSpec", passing=passing)
        return _judgement(answer)

    async def _answer(self, line: bytes) -> dict[str, Any] | None:
        """The answer, None if the process was killed over the request."""
        process = await self._started()
        assert process.stdin is not None, "it was started with pipes"
        assert process.stdout is not None, "it was started with pipes"
        reply = b""
        try:
            async with asyncio.timeout(self._seconds):
                with suppress(BrokenPipeError, ConnectionResetError):
                    process.stdin.write(line)
                    await process.stdin.drain()
                    reply = await process.stdout.readline()
                if not reply:
                    # It is ending by itself. A signal to a process that has ended, but whose end
                    # asyncio has not seen, would take its exit code away.
                    await process.wait()
        finally:
            # Without a whole answer, what it sends next would be taken for another's.
            if not reply.endswith(b"\n"):
                await self._kill()
        if reply:
            answer: dict[str, Any] = json.loads(reply)
            if answer["last"]:
                await self._kill()
            return answer
        if process.returncode is not None and process.returncode > 0:
            raise Unjudged(f"the validator ended with exit code {process.returncode}")
        return None

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "rowmill_operator.validation.validator_process",
                str(self._memory),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE,
            )
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()


def _judgement(answer: Mapping[str, Any]) -> Judgement:
    if "problems" in answer:
        return Judgement(problems=tuple(answer["problems"]), reason="InvalidSpec")
    if "bytes" in answer:
        text = (
            f"the frozen plan and manifest have {counted(answer['bytes'], 'byte')} when "
            "compressed; at most 900 KiB fit into a ConfigMap: make the manifest smaller"
        )
        return Judgement(problems=(text,), reason="TooLarge")
    return Judgement(
        answer["digest"],
        base64.b64decode(answer.get("bundle", "")),
        warnings=tuple(answer["warnings"]),
    )
