"""`/api/session`: a browser's session, opened by a code of one use or by the scripts' token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from rowmill.console.auth.guard import cookie_of
from rowmill.console.services import Known
from rowmill.errors import Invalid

router = APIRouter(tags=["session"])


class Opening(BaseModel):
    """What opens a session: the code of a printed link, or the token."""

    code: str | None = Field(None, max_length=200)
    token: str | None = Field(None, max_length=200)


class Opened(BaseModel):
    """The half of a session that the page keeps, and sends as `X-Rowmill-Session`."""

    secret: str


@router.post("/session", status_code=HTTPStatus.CREATED)
def open_session(
    opening: Annotated[Opening, Body()], services: Known, response: Response
) -> Opened:
    """Open a session: a cookie, and its second half in the answer. Every call needs both."""
    sessions = services.sessions
    by_code = opening.code is not None and sessions.takes_code(opening.code)
    by_token = opening.token is not None and sessions.is_token(opening.token)
    if not (by_code or by_token):
        raise Invalid(
            "Unauthorized",
            "this code or token opens nothing: send the token of the console's token file, or a "
            "code that nobody has used",
        )
    session = sessions.open()
    response.set_cookie(
        services.cookie,
        session.cookie,
        httponly=True,
        secure=services.secure,
        samesite="strict",
        path="/",
    )
    return Opened(secret=session.secret)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def close_session(services: Known, request: Request, response: Response) -> None:
    """End the session that this call carries."""
    cookie = cookie_of(request.headers.get("cookie"), services.cookie)
    if cookie is not None:
        services.sessions.close(cookie)
    response.delete_cookie(
        services.cookie, path="/", httponly=True, secure=services.secure, samesite="strict"
    )
