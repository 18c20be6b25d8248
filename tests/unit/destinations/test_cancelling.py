"""Statements are cancelled beside each other, and not more often than once a second."""

from __future__ import annotations

import threading

from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.warehouse.cancelling import Cancelling


class Slow(PostgresSession):
    """Its cancel ends once those of all others have begun."""

    def __init__(self, all_begun: threading.Barrier) -> None:
        super().__init__(PostgresAddress(dict))
        self.all_begun, self.cancels = all_begun, 0

    def cancel(self) -> None:
        self.all_begun.wait(10)
        self.cancels += 1


def test_the_statements_of_all_are_cancelled_at_once_each_second_while_they_go_on() -> None:
    now = [100.0]
    barrier = threading.Barrier(3)
    sessions = [Slow(barrier) for _ in range(3)]
    busy = list(sessions)
    cancel = Cancelling(lambda: busy, lambda: now[0])
    seen = []
    for now[0] in (100.0, 100.2, 100.9, 101.0, 101.2):
        cancel()
        seen.append([session.cancels for session in sessions])
    assert seen == [[1] * 3, [1] * 3, [1] * 3, [2] * 3, [2] * 3]
    now[0] = 102.0
    busy.clear()
    cancel()
    assert [session.cancels for session in sessions] == [2] * 3
