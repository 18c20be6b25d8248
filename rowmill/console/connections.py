"""How calls are heard: a head of a bounded size, a whole call and its answer in a bounded time.

Whoever may connect may send, before it is known whether he may call. What comes without end would
fill the memory, and what does not come would keep its connection from others. So would an answer
that nobody takes: behind it stand a query and its place among the few that may run.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A head beyond this is cut within one read more.
MOST_HEAD = 64 * 2**10
SECONDS = 60.0
# So long a client may take nothing of an answer of which some 64 KiB wait for him.
UNREAD_SECONDS = 60.0


class BoundedProtocol(HttpToolsProtocol):
    """A connection of HTTP/1, closed where a call is too large, or it or its answer too slow."""

    _head: int | None = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override] # uvicorn narrows asyncio's own type
        self, transport: asyncio.Transport
    ) -> None:
        """As of uvicorn; the first call is to come now."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """As of uvicorn."""
        self._expect_none()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """As of uvicorn; what waits for the client is to be taken now."""
        super().pause_writing()
        # What he does not take cannot be sent first, as a close would have it.
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """As of uvicorn; it was taken."""
        self._taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """As of uvicorn, up to so many bytes of a head."""
        if self._head is not None:
            self._head += len(data)
            if self._head > MOST_HEAD + len(data):
                self.send_400_response("The head of this call is too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """As of uvicorn; the rest is to come now."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """As of uvicorn; what comes now is the body."""
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """As of uvicorn; the whole call is here."""
        self._expect_none()
        super().on_message_complete()

    def _expect(self) -> None:
        self._expect_none()
        self._head = 0
        self._deadline = self.loop.call_later(SECONDS, self._too_slow)

    def _expect_none(self) -> None:
        self._head = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _too_slow(self) -> None:
        self.transport.close()
