"""A small API server in memory, over HTTP: enough of it to meet the operator's calls."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

Answer = Callable[[], web.Response]


def failure(code: int, reason: str, message: str = "", *causes: str) -> web.Response:
    """A Status as the API server answers with."""
    details = {"causes": [{"reason": cause} for cause in causes]}
    body = {"kind": "Status", "reason": reason, "message": message, "code": code}
    return web.json_response(body | {"details": details}, status=code)


@dataclass
class FakeApi:
    """Objects by path; `calls` are the requests; `answers` are given in place of doing anything.

    `lost` are requests that are done, but whose answers get lost. `behind` is how far its clock is
    behind the operator's.
    """

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)
    behind: timedelta = timedelta()
    _numbers: Any = field(default_factory=lambda: itertools.count(100))

    def now(self, ago: float = 0) -> datetime:
        """Its time so many seconds ago."""
        return datetime.now(UTC) - self.behind - timedelta(seconds=ago)

    def put(self, path: str, raw: dict[str, Any]) -> None:
        """Have an object there, of a new version."""
        raw["metadata"]["resourceVersion"] = str(next(self._numbers))
        self.objects[path] = raw

    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something, by method and the last parts of the path."""
        return [(m, "/".join(p.split("/")[-2:])) for m, p in self.calls if m != "GET"]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve it; the address."""
        application = web.Application()
        application.add_routes([web.route("*", "/{path:.*}", self._handle)])
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        response = await self._respond(request)
        response.headers["Date"] = format_datetime(self.now(), usegmt=True)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        call = (request.method, request.path)
        self.calls.append(call)
        body = json.loads(await request.text() or "null")
        self.bodies.append(body)
        if call in self.answers:
            return self.answers[call]()
        response = self._answer(request, body)
        if call in self.lost:
            self.lost.discard(call)
            assert request.transport is not None
            request.transport.abort()
        return response

    def _answer(self, request: web.Request, body: Any) -> web.Response:
        path = request.path
        if request.method == "POST":
            return self._post(path, body)
        if request.method == "GET" and path not in self.objects:
            return self._list(path, request)
        found = self.objects.get(path.removesuffix("/status"))
        if found is None:
            return failure(404, "NotFound", f"{path} not found")
        if request.method == "DELETE":
            return self._delete(path, found, body)
        if request.method == "PATCH":
            return self._patch(path, found, body)
        return web.json_response(found)

    def _post(self, folder: str, body: dict[str, Any]) -> web.Response:
        meta = body["metadata"]
        name = meta.get("name") or f"{meta['generateName']}{next(self._numbers)}"
        path = f"{folder}/{name}"
        if path in self.objects:
            return failure(409, "AlreadyExists", f"{name} already exists")
        meta |= {"name": name, "uid": f"uid-{name}-{next(self._numbers)}", "generation": 1}
        meta["creationTimestamp"] = "2026-03-01T12:00:00Z"
        self.put(path, body)
        return web.json_response(body, status=201)

    def _list(self, folder: str, request: web.Request) -> web.Response:
        plural = folder.rpartition("/")[2]
        if plural not in ("experiments", "configmaps", "jobs", "pods", "events"):
            return failure(404, "NotFound", f"{folder} not found")
        group = folder.partition("/namespaces/")[0].removesuffix(f"/{plural}")
        found = [
            raw
            for path, raw in sorted(self.objects.items())
            if path.startswith(group) and path.split("/")[-2] == plural
        ]
        first = int(request.query.get("continue", 0))
        limit = int(request.query.get("limit", len(found) or 1))
        meta = {"resourceVersion": str(next(self._numbers))}
        if first + limit < len(found):
            meta["continue"] = str(first + limit)
        if "PartialObjectMetadataList" in request.headers["Accept"]:
            found = [{"metadata": raw["metadata"]} for raw in found]
        return web.json_response({"metadata": meta, "items": found[first : first + limit]})

    def _delete(self, path: str, found: dict[str, Any], options: dict[str, Any]) -> web.Response:
        if options["preconditions"]["uid"] != found["metadata"]["uid"]:
            return failure(409, "Conflict", "the UID in the precondition does not match")
        if options["propagationPolicy"] == "Foreground" and path.split("/")[-2] == "jobs":
            found["metadata"]["deletionTimestamp"] = "2026-03-01T13:00:00Z"
            self.put(path, found)
            return web.json_response(found)
        del self.objects[path]
        return web.json_response({"kind": "Status", "status": "Success", "metadata": {}})

    def _patch(self, path: str, found: dict[str, Any], body: dict[str, Any]) -> web.Response:
        meta = body["metadata"]
        for name in ("resourceVersion", "uid"):
            if meta.get(name, found["metadata"][name]) != found["metadata"][name]:
                return failure(409, "Conflict", f"the {name} is another")
        if path.endswith("/status"):
            found["status"] = body["status"]
        else:
            found["metadata"] |= {k: v for k, v in meta.items() if k == "finalizers"}
            found["metadata"]["labels"] = {
                **found["metadata"].get("labels", {}),
                **meta.get("labels", {}),
            }
            found["spec"] = found.get("spec", {}) | body.get("spec", {})
        self.put(path.removesuffix("/status"), found)
        return web.json_response(found)
