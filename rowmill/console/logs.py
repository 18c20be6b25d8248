"""Log lines as text, and as server-sent events.

Who follows a log waits for most of his time. So each follower has a thread of his own: those of the
pool answer calls. The thread reads no further than a few events ahead of its client, and ends when
he has left, though no line comes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator

from rowmill.console.event_stream import BEAT, BEAT_SECONDS, event
from rowmill.console.words import in_calls
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.json_records import time_to_json
from rowmill.engine.records import LogLine
from rowmill.errors import RowmillError, Unavailable

# Each has a thread, and a file or a connection.
_MOST = 100
_AHEAD = 100


def as_text(lines: Iterable[LogLine]) -> Iterator[bytes]:
    """Each line with its time, its source and its level, as far as they are known."""
    for line in lines:
        known = (line.time and time_to_json(line.time), line.source, line.level, line.text)
        yield (" ".join(word for word in known if word) + "\n").encode()


def followed(lines: Iterable[LogLine]) -> Iterator[bytes]:
    """An event `line` each, and `end` once there will be no more, with the error if it is one."""
    ended: object = {}
    try:
        for line in lines:
            yield event("line", line.to_json())
    except Cancelled:
        raise
    except RowmillError as error:
        ended = in_calls(error.to_json())
    except OSError as error:
        message = f"the log cannot be read on ({error.strerror or error})"
        ended = {"reason": "LogUnreadable", "message": message}
    yield event("end", ended)


class Follower:
    """One who follows a log; his events may be asked for once."""

    def __init__(self, lines: Iterator[LogLine], cancellation: Cancellation) -> None:
        self._lines = lines
        self._cancellation = cancellation
        self._ahead = threading.Semaphore(_AHEAD)

    async def events(self) -> AsyncIterator[bytes]:
        """As `followed`, with beats between while there are none."""
        news: asyncio.Queue[bytes | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop, news), name="logs", daemon=True).start()
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    told = await news.get()
            except TimeoutError:
                yield BEAT
                continue
            if told is None:
                return
            yield told
            self._ahead.release()

    def leave(self) -> None:
        """End the following."""
        self._cancellation.cancel()
        self._ahead.release()

    def _read(self, loop: asyncio.AbstractEventLoop, news: asyncio.Queue[bytes | None]) -> None:
        try:
            for told in followed(self._lines):
                self._ahead.acquire()
                self._cancellation.check()
                loop.call_soon_threadsafe(news.put_nowait, told)
            loop.call_soon_threadsafe(news.put_nowait, None)
        except Cancelled:
            # The client has left.
            return
        except RuntimeError:
            # The console is ending, and its loop is closed.
            if not loop.is_closed():
                raise


class Followers:
    """Those of one console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._following: set[Follower] = set()

    def join(self, lines: Iterator[LogLine], cancellation: Cancellation) -> Follower:
        """A new one, of lines that end by the cancellation; raises Unavailable if there are many.

        `leave` is to be called with it.
        """
        follower = Follower(lines, cancellation)
        with self._lock:
            if len(self._following) >= _MOST:
                raise Unavailable("Busy", "too many logs are followed; try again later")
            self._following.add(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        """End the following."""
        with self._lock:
            self._following.discard(follower)
        follower.leave()

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            following = [*self._following]
        for each in following:
            each.leave()
