"""Answers of server-sent events, which know when the client has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

# A line that is no event: by it who listens, and each proxy between, knows that somebody speaks.
BEAT = b": \n\n"
BEAT_SECONDS = 15.0
EVENTS = "text/event-stream"


class EventStream(StreamingResponse):
    """The events as they come; `left` is called once, however it ends, also before the first."""

    def __init__(self, events: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(events, media_type=EVENTS)
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()
