"""What goes wrong as `application/problem+json`, by RFC 9457: one table from errors to statuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rowmill.console.words import in_calls, told_of
from rowmill.errors import (
    Conflict,
    Differs,
    Failed,
    Interrupted,
    Invalid,
    NotFound,
    Problem,
    Refused,
    RowmillError,
    Unavailable,
    Unsupported,
    by_class,
)

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[type[RowmillError], HTTPStatus] = {
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unsupported: HTTPStatus.NOT_IMPLEMENTED,
    Refused: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Failed: HTTPStatus.BAD_GATEWAY,
    Differs: HTTPStatus.CONFLICT,
    Interrupted: HTTPStatus.CONFLICT,
}
# What HTTP itself has a status for, which a client's library knows.
_OF_REASON: Mapping[str, HTTPStatus] = {
    "Unauthorized": HTTPStatus.UNAUTHORIZED,
    "ForeignPage": HTTPStatus.FORBIDDEN,
    "WrongHost": HTTPStatus.MISDIRECTED_REQUEST,
    "EtagMismatch": HTTPStatus.PRECONDITION_FAILED,
    "IfMatchMissing": HTTPStatus.PRECONDITION_REQUIRED,
    "BodyTooLarge": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "UnsupportedMediaType": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
# A body whose length nobody told is refused by the framework, once it has grown too large.
_REASONS: Mapping[int, str] = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "BodyTooLarge"}
_LOG = logging.getLogger("rowmill.console")


class PlacedProblem(BaseModel):
    """One of several problems: of a manifest at a path and a line, of a call at a parameter."""

    path: str
    line: int | None = None
    message: str
    name: str | None = None
    excerpt: str | None = None


class ProblemDetails(BaseModel):
    """What went wrong: `reason` is one word for programs, `detail` says it to a person."""

    title: str
    status: int
    reason: str
    detail: str
    problems: list[PlacedProblem] | None = None


# What any path may answer; each names it in the OpenAPI document.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ProblemDetails, "description": "It is refused; `detail` says what to do."},
    "5XX": {
        "model": ProblemDetails,
        "description": "A destination or a server will not, or cannot now, or this cannot at all.",
    },
}


def documented(document: dict[str, Any]) -> None:
    """Have an OpenAPI document name the media type of what goes wrong.

    By itself the framework tells of it under that of a path's own answer.
    """
    for verbs in document["paths"].values():
        for call in verbs.values():
            for answer in (call["responses"][key] for key in DOCUMENTED):
                (content,) = answer["content"].values()
                answer["content"] = {MEDIA_TYPE: content}


def status_of(error: RowmillError) -> HTTPStatus:
    """The status that says best what kind of error it is."""
    known = _OF_REASON.get(error.reason) or by_class(STATUSES, error)
    return known or HTTPStatus.INTERNAL_SERVER_ERROR


def details(
    status: int,
    reason: str,
    detail: str,
    problems: object = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer of that status."""
    document: dict[str, object] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "reason": reason,
        "detail": detail,
    }
    if problems:
        document["problems"] = problems
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def of_error(error: RowmillError) -> JSONResponse:
    """What is answered for an error of ours."""
    problems = in_calls(error.to_json()).get("problems")
    return details(status_of(error), error.reason, told_of(error), problems)


def answer_errors(app: FastAPI, methods: Callable[[str], Iterable[str]]) -> None:
    """Have each error that a path raises answered as problem details.

    `methods` are those of a path; by itself the framework names those of one route alone.
    """

    async def _http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException), "it is registered for these"
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(methods(request.url.path)))
        reason = _REASONS.get(error.status_code) or _as_word(error.status_code)
        return details(error.status_code, reason, error.detail, headers=headers)

    app.exception_handler(ClientDisconnect)(_left)
    app.exception_handler(RowmillError)(_ours)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_http)


def _as_word(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "")


async def _left(_request: Request, _error: Exception) -> Response:
    """The client has left amid its own body: nobody hears this, and it is no defect."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RowmillError), "it is registered for these"
    return of_error(error)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "it is registered for these"
    problems = [
        Problem(".".join(map(str, each["loc"])), str(each["msg"])) for each in error.errors()
    ]
    return of_error(Invalid("InvalidCall", "; ".join(map(str, problems)), problems))


def of_defect(method: str, path: str, error: Exception) -> JSONResponse:
    """What is answered for an error that nobody foresaw, which the console's output tells whole."""
    _LOG.error("%s %s", method, path, exc_info=error)
    return details(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Defect",
        f"{type(error).__name__}: this is a defect of Rowmill; its console's output has the rest",
    )
