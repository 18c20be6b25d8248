"""Before any path is looked at: who calls, and from where.

An ASGI middleware, so that no path can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rowmill.console.auth.origins import Reach, foreign_page, is_browser, wrong_host
from rowmill.console.auth.sessions import Sessions
from rowmill.console.problem_details import of_defect, of_error
from rowmill.console.tickets import TICKETS_PATH
from rowmill.errors import Invalid

API = "/api/"
SESSION_PATH = "/api/session"
# The half of a session that the page keeps, sent with every call.
SECRET_HEADER = "X-Rowmill-Session"
MAX_BODY = 4 * 2**20
# What no answer is to be: read as another kind of file, framed by another page, kept by a proxy.
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets through what may call; whoever may not learns nothing but that."""

    def __init__(self, app: ASGIApp, sessions: Sessions, reach: Reach, cookie: str) -> None:
        self._app = app
        self._sessions = sessions
        self._reach = reach
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _with_headers(send)
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await of_error(refusal)(scope, receive, guarded)
            return
        await self._answered(scope, receive, guarded)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a defect answered here, where its answer gets the same headers."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            await of_defect(scope["method"], scope["path"], error)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> Invalid | None:
        wrong = wrong_host(headers.get("host"), self._reach)
        if wrong is not None:
            return Invalid("WrongHost", wrong)
        length = headers.get("content-length", "")
        # Of chunks nobody says how long they are: these the application counts.
        if length.isdigit() and int(length) > MAX_BODY:
            return Invalid(
                "BodyTooLarge",
                f"a body has at most {MAX_BODY:,} bytes",
            )
        path: str = scope["path"]
        if not path.startswith(API):
            return None
        foreign = foreign_page(headers, self._reach)
        if foreign is not None:
            return Invalid("ForeignPage", foreign)
        if self._opens_itself(scope["method"], path) or self._is_known(headers):
            return None
        return Invalid(
            "Unauthorized",
            "this call opens nothing: send the token of the console's token file as "
            "'Authorization: Bearer TOKEN', or open a session with it by POST /api/session",
        )

    def _opens_itself(self, method: str, path: str) -> bool:
        """A code or a ticket in the call is what opens it."""
        return (method == "POST" and path == SESSION_PATH) or (
            method == "GET" and path.startswith(TICKETS_PATH)
        )

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        # A proxy adds its header to forged calls too; what a page keeps it cannot add.
        alone = not (self._reach.proxied and is_browser(headers))
        if alone and scheme.lower() == "bearer" and self._sessions.is_token(token.strip()):
            return True
        cookie = cookie_of(headers.get("cookie"), self._cookie)
        return self._sessions.is_open(cookie, headers.get(SECRET_HEADER))


def cookie_of(header: str | None, name: str) -> str | None:
    """The value of a cookie in a `Cookie` header."""
    # Not by a parser that gives up at the first one it does not like: all loopback ports share
    # their cookies, and another program's may be of any form.
    for each in (header or "").split(";"):
        key, _, value = each.partition("=")
        if key.strip() == name:
            return value.strip()
    return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers.setdefault(name, value)
            if message["status"] == HTTPStatus.UNAUTHORIZED:
                headers["WWW-Authenticate"] = "Bearer"
        await send(message)

    return sending
