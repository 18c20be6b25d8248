"""How long a server is waited for, by what ails it, and what is told meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from threading import Lock

# Every lost server is waited for so long.
PATIENCE_SECONDS = 600.0
# So often a wait that goes on is told in a log.
REPORT_SECONDS = 30.0


class Course(Enum):
    """How a failure may end: by itself, by itself for a while (a rotated password), or never.

    CONTACT: nothing answers, and nothing ever did: a server that is down, or a typo.
    """

    PASSES = "passes"
    CONTACT = "contact"
    LOGIN = "login"
    FINAL = "final"


@dataclass(frozen=True)
class Waiting:
    """A try failed and another comes: `place` is the server, `problem` what ails it, in short.

    `left` are the seconds until it is given up. None of it holds a secret.
    """

    place: str
    problem: str
    left: float

    def __str__(self) -> str:
        return f"{self.trouble}; {self.rest(0)}"

    @property
    def trouble(self) -> str:
        """What is waited for and why, which stays as it is while the time runs out."""
        return f"{self.place}: {self.problem}"

    def rest(self, since: float) -> str:
        """How long it is still tried, `since` seconds after this was told."""
        seconds = round(self.left - since)
        return f"trying again for another {_span(seconds)}" if seconds > 0 else "trying once more"


@dataclass(frozen=True)
class Waited:
    """The wait for a server ended: it `answered`, or was given up.

    `for_lock`: it had answered all the time, and what was waited for last was a lock there.
    """

    place: str
    answered: bool
    for_lock: bool = False

    def __str__(self) -> str:
        if not self.answered:
            return f"{self.place}: given up"
        return f"{self.place}: {'the lock was given' if self.for_lock else 'it answers again'}"


Wait = Waiting | Waited
ReportWait = Callable[[Wait], None]


def unreported(wait: Wait) -> None:
    """For who waits in silence."""


@dataclass(frozen=True)
class Patience:
    """How long trouble may last, in seconds from its first failure, before it is given up.

    `contact_seconds` is for a server that never answered yet, `login_seconds` for refused
    credentials: on a cluster a rotated secret arrives late, on one machine waiting helps nobody.
    `sleep` waits between tries; it may raise to end them. `report` is told of each failure that is
    waited for and of the end of such a wait.
    """

    seconds: float = PATIENCE_SECONDS
    contact_seconds: float = PATIENCE_SECONDS
    login_seconds: float = 0
    sleep: Callable[[float], None] = time.sleep
    report: ReportWait = unreported

    def for_course(self, course: Course) -> float:
        if course is Course.PASSES:
            return self.seconds
        if course is Course.CONTACT:
            return min(self.seconds, self.contact_seconds)
        return self.login_seconds if course is Course.LOGIN else 0

    def hurried(self, seconds: float) -> Patience:
        """At most so much patience, and in silence."""
        return replace(
            self,
            seconds=min(self.seconds, seconds),
            login_seconds=min(self.login_seconds, seconds),
            report=unreported,
        )


class JointWait:
    """The waits of all who use one server: its end is told once none of them waits any more."""

    def __init__(self, report: ReportWait) -> None:
        self._report = report
        self._lock = Lock()
        self._waiting: set[object] = set()

    def of_one(self) -> ReportWait:
        """What one of them tells of its wait, until that is over."""
        one = object()
        return lambda wait: self._report_of(one, wait)

    def _report_of(self, one: object, wait: Wait) -> None:
        # Reported under the lock: else an end could come behind what began after it.
        with self._lock:
            if isinstance(wait, Waiting):
                self._waiting.add(one)
            else:
                self._waiting.discard(one)
                if self._waiting:
                    return
            self._report(wait)


class NowAndThen:
    """Tells waits as a log does: each trouble at once, and again every so often while it lasts.

    However many wait for a server, it is one wait. That it answers again is told if the wait was.

    Args:
        say: takes a line.
        seconds: between two words on one trouble.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        seconds: float = REPORT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._seconds = seconds
        self._clock = clock
        self._next: dict[tuple[str, str], float] = {}
        self._open: set[str] = set()

    def __call__(self, wait: Wait) -> None:
        if isinstance(wait, Waiting):
            problem = wait.place, wait.problem
            if self._clock() < self._next.get(problem, 0.0):
                return
            self._next[problem] = self._clock() + self._seconds
            self._open.add(wait.place)
        elif wait.place not in self._open:
            return
        else:
            self._open.discard(wait.place)
            if not wait.answered:
                # Who gave up says so, with the whole of the trouble.
                return
        self._say(str(wait))


def _span(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{seconds} s" if seconds < 120 else f"{minutes}m{rest:02d}s"
