"""Answers of server-sent events, which know when the client has left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

# A line that is no event: by it who listens, and each proxy between, knows that somebody speaks.
BEAT = b": \n\n"
BEAT_SECONDS = 15.0
EVENTS = "text/event-stream"
# Else nginx keeps events back until it has some kilobytes of them.
_AS_IT_COMES = {"X-Accel-Buffering": "no"}


def event(kind: str, document: object) -> bytes:
    """One event of this kind, which carries a JSON document."""
    told = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    written: bytes = format_sse_event(event=kind, data_str=told)
    return written


class EventStream(StreamingResponse):
    """The events as they come; `left` is called once, however it ends, also before the first."""

    def __init__(self, events: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(events, media_type=EVENTS, headers=_AS_IT_COMES)
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()
