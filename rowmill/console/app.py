"""The application: its paths, its guard, its OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import Lifespan

from rowmill.console.auth.guard import MAX_BODY, SECRET_HEADER, Guard
from rowmill.console.auth.origins import Reach
from rowmill.console.problem_details import DOCUMENTED, answer_errors, documented
from rowmill.console.routers import (
    changes,
    downloads,
    experiments,
    manifests,
    query,
    rows,
    runs,
    session,
    trace,
)
from rowmill.console.services import Services
from rowmill.version import VERSION

PREFIX = "/api"
# So many calls are answered at once: more than may run a query or wait for the sandbox.
_THREADS = 100
OPENAPI_PATH = f"{PREFIX}/openapi.json"
# A path's own module is all that a new one touches, and this list.
ROUTERS: tuple[APIRouter, ...] = (
    session.router,
    experiments.router,
    runs.router,
    changes.router,
    rows.router,
    trace.router,
    query.router,
    downloads.router,
    manifests.router,
)
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "Of the console's token file."},
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": SECRET_HEADER,
        "description": "The second half of a browser's session; the first is its cookie.",
    },
}


def application(services: Services, reach: Reach) -> FastAPI:
    """The ASGI application of one console, under the names of `reach`."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = _THREADS
        yield
        services.close()

    app = _with_paths(lifespan)
    app.state.services = services
    answer_errors(app, _methods)
    app.add_middleware(Guard, sessions=services.sessions, reach=reach, cookie=services.cookie)
    return app


def description() -> dict[str, Any]:
    """The OpenAPI document, as every console serves it."""
    return _with_paths(None).openapi()


def _with_paths(lifespan: Lifespan[FastAPI] | None) -> FastAPI:
    app = FastAPI(
        title="Rowmill",
        version=VERSION,
        summary="Experiments, their runs and their rows.",
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        responses=DOCUMENTED,
        lifespan=lifespan,
        # `/x/` is another path than `/x`; a redirect would drop what a call carries.
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, max_body_size=MAX_BODY)
    _describe(app)
    return app


def _methods(path: str) -> set[str]:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    within = path.removeprefix(PREFIX)
    return {
        verb for route in routes if route.path_regex.match(within) for verb in route.methods or ()
    }


def _describe(app: FastAPI) -> None:
    """Have the OpenAPI document say what a call carries, and what its answers are."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = make()
        document.setdefault("components", {})["securitySchemes"] = _SECURITY
        document["security"] = [{"token": []}, {"session": []}]
        # What opens these is in the call itself.
        document["paths"]["/api/session"]["post"]["security"] = []
        document["paths"]["/api/tickets/{ticket}"]["get"]["security"] = []
        documented(document)
        for verbs in document["paths"].values():
            for call in verbs.values():
                _one_schema(call["responses"])
        return document

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's documentation has it


def _one_schema(answers: dict[str, Any]) -> None:
    """Leave of an answer's schema its model, where the type of what a function returns is beside.

    Readers of the document differ in what they make of both.
    """
    for answer in answers.values():
        for content in answer.get("content", {}).values():
            schema = content["schema"]
            content["schema"] = _alone(schema)
            if "items" in schema:
                schema["items"] = _alone(schema["items"])


def _alone(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$ref": schema["$ref"]} if "$ref" in schema else schema
