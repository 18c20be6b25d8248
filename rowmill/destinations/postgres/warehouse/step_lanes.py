"""Do the steps of finalize over several connections at once, as many as the server lets in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.warehouse.cancelling import Cancelling
from rowmill.destinations.postgres.warehouse.step_order import FinalizeStep, StepOrder
from rowmill.task_pool import TICK_SECONDS, TaskPool

# Does a step in a transaction over a session, while it is wanted.
Do = Callable[[PostgresSession, FinalizeStep, Callable[[], bool]], None]


def do_steps(
    session: PostgresSession,
    steps: Sequence[FinalizeStep],
    connections: int,
    do: Do,
    report: Callable[[str], None],
    look: Callable[[], None],
) -> None:
    """Do all steps; the first that fails ends the others, their statements are cancelled.

    Args:
        session: the caller's, which works for as long as its patience; further ones are opened.
        steps: in an order that would do alone, see step_order.py.
        connections: how many work at once, the session's among them.
        do: does one step, and again after any failure of it.
        report: told the label of a step that runs, each time that it is another; by any thread.
        look: called now and then; what it raises ends the steps.

    Raises:
        DestinationUnavailable: the last connection that worked was lost for good.
    """
    with ExitStack() as opened:
        more = [
            opened.enter_context(PostgresSession(session.address)) for _ in range(connections - 1)
        ]
        lanes = _Lanes(steps, connections, do, report)
        pool = TaskPool(connections, "finalize", Cancelling(lanes.busy))
        opened.enter_context(pool)
        tasks = [lambda each=each: lanes.work(each, pool) for each in more]
        pool.do([lambda: lanes.work(session, pool, is_open=True), *tasks], look)


class _Lanes:
    """The steps, and who does which: each lane is a thread with a connection.

    One that cannot connect, or loses its connection for good, leaves its step to the others: a
    server has few connections, and of these it may give away what somebody had. The last one
    does not leave. A failure that is the step's own would meet the others too: it is the end.
    """

    def __init__(
        self, steps: Sequence[FinalizeStep], lanes: int, do: Do, report: Callable[[str], None]
    ) -> None:
        self._steps = steps
        self._order = StepOrder(steps)
        self._lanes = lanes
        self._do = do
        self._report = report
        self._running: list[int] = []
        self._left: dict[int, DestinationUnavailable] = {}
        self._busy: list[PostgresSession] = []
        self._reported = ""
        self._changed = threading.Condition()

    def work(self, session: PostgresSession, pool: TaskPool, *, is_open: bool = False) -> None:
        """Do steps until none is left."""
        if not is_open and not _connects(session):
            self._leave()
            return
        while (number := self._next(pool)) is not None:
            with self._amid_a_step(session):
                lost = self._do_one(session, number, pool)
            if lost is None:
                self._end(number)
            elif self._leave_step(number, lost):
                return
            else:
                raise lost

    def busy(self) -> list[PostgresSession]:
        """The sessions that are amid a step."""
        with self._changed:
            return list(self._busy)

    @contextmanager
    def _amid_a_step(self, session: PostgresSession) -> Iterator[None]:
        with self._changed:
            self._busy.append(session)
        try:
            yield
        finally:
            with self._changed:
                self._busy.remove(session)

    def _do_one(
        self, session: PostgresSession, number: int, pool: TaskPool
    ) -> DestinationUnavailable | None:
        """Do a step; what it met if the connection is lost for good."""
        lost = self._left.get(number)
        # The patience with the server was spent on it once: it is not begun anew.
        if lost is not None and not _answers(session):
            return lost
        try:
            self._do(session, self._steps[number], lambda: not pool.is_stopping)
        except DestinationUnavailable as error:
            if _connects(session):
                raise
            return error
        return None

    def _next(self, pool: TaskPool) -> int | None:
        """A step to be done now, waited for; None once all are."""
        with self._changed:
            while not self._order.is_complete:
                pool.check()
                number = self._order.take()
                if number is not None:
                    self._running.append(number)
                    self._show()
                    return number
                self._changed.wait(TICK_SECONDS)
        return None

    def _end(self, number: int) -> None:
        with self._changed:
            self._order.done(number)
            self._running.remove(number)
            self._show()
            self._changed.notify_all()

    def _leave(self) -> bool:
        """End this lane; False if there is no other."""
        with self._changed:
            if self._lanes == 1:
                return False
            self._lanes -= 1
            return True

    def _leave_step(self, number: int, lost: DestinationUnavailable) -> bool:
        """Leave a step to the others; False if there is nobody else."""
        with self._changed:
            if not self._leave():
                return False
            self._left[number] = lost
            self._order.give_back(number)
            self._running.remove(number)
            self._changed.notify_all()
            return True

    def _show(self) -> None:
        """Tell the step that began last of those that run."""
        label = self._steps[self._running[-1]].label if self._running else self._reported
        if label != self._reported:
            self._reported = label
            self._report(label)


def _connects(session: PostgresSession) -> bool:
    try:
        session.connection()
    except (psycopg.Error, DestinationRefused):
        return False
    return True


def _answers(session: PostgresSession) -> bool:
    """Whether the server answers now, be it over another connection than before."""
    return session.glance(lambda cursor: True) is not None or _connects(session)
