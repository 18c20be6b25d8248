"""`/api/tickets/{ticket}`: what a ticket promised, once; the ticket is what opens it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rowmill.console.queries import Download, answered
from rowmill.console.services import Asked, Known
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.interface import Engine
from rowmill.errors import NotFound

router = APIRouter(tags=["downloads"])
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("/tickets/{ticket}", response_class=StreamingResponse, responses=_CSV)
async def download(
    ticket: Annotated[str, Path(max_length=100, description="As `href` has it.")],
    services: Known,
    engine: Asked,
    request: Request,
) -> StreamingResponse:
    """The result of a query as CSV, as COPY writes and reads it."""
    wanted = services.tickets.use(ticket)
    if wanted is None:
        raise NotFound("TicketUnknown", "there is no such ticket, or it was used, or is too old")
    with ExitStack() as stack:
        entered = services.queries.running(wanted.experiment, wanted.id)
        _, cancellation = stack.enter_context(entered)
        # What is wrong with the query is told before the first byte, where it can still be told.
        begin = partial(_begun, engine, wanted, cancellation)
        first, pieces = await answered(request, cancellation, begin)
        stack.enter_context(closing(pieces))
        return _Download(wanted.experiment, chain((first,), pieces), cancellation, stack.pop_all())


def _begun(
    engine: Engine, wanted: Download, cancellation: Cancellation
) -> tuple[bytes, Generator[bytes, None, None]]:
    pieces = engine.warehouse(wanted.experiment).csv(
        wanted.sql, seconds=wanted.seconds, cancellation=cancellation
    )
    return next(pieces, b""), pieces


class _Download(StreamingResponse):
    """A query's result on its way; a client that leaves takes its query with it."""

    def __init__(
        self, name: str, pieces: Iterator[bytes], cancellation: Cancellation, held: ExitStack
    ) -> None:
        super().__init__(
            pieces,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
        self._cancellation = cancellation
        self._held = held

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """As of starlette, which then waits for the piece that is on its way: it ends by this."""
        await super().listen_for_disconnect(receive)
        self._cancellation.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancellation.cancel()
            # Not here, where the client's leaving has cancelled all waits.
            threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        # A piece that is waited for ends by the cancellation, and the iterator with it.
        with suppress(ValueError, Cancelled):
            self._held.close()
