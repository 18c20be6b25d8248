"""What is told of a server that is waited for, and how often."""

from __future__ import annotations

import pytest

from rowmill.destinations.patience import JointWait, NowAndThen, Wait, Waited, Waiting

REFUSED = "connection refused"


@pytest.mark.parametrize(
    ("left", "rest"),
    [
        (58.3, "trying again for another 58 s"),
        (119.0, "trying again for another 119 s"),
        (580.0, "trying again for another 9m40s"),
        (0.2, "trying once more"),
    ],
)
def test_a_wait_says_where_what_and_for_how_long(left: float, rest: str) -> None:
    assert str(Waiting("Postgres at db:5432", REFUSED, left)) == (
        f"Postgres at db:5432: {REFUSED}; {rest}"
    )


def test_a_wait_counts_down_between_two_tries() -> None:
    assert Waiting("S3 at x", REFUSED, 58.0).rest(13.0) == "trying again for another 45 s"
    assert Waiting("S3 at x", REFUSED, 5.0).rest(13.0) == "trying once more"


class Log:
    """A log of what is told now and then, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self.report = NowAndThen(self.lines.append, clock=lambda: self.now)

    def fails(self, at: float, place: str = "Postgres", problem: str = REFUSED) -> None:
        self.now = at
        self.report(Waiting(place, problem, 600 - at))

    def ends(self, at: float, *, answered: bool, place: str = "Postgres") -> None:
        self.now = at
        self.report(Waited(place, answered))


def test_the_first_failure_is_told_at_once_and_then_one_every_30_seconds() -> None:
    log = Log()
    for second in range(1, 70):
        log.fails(second)
    assert [line.rpartition(" ")[2] for line in log.lines] == ["9m59s", "9m29s", "8m59s"]


def test_a_server_that_answers_again_is_told_once_however_many_waited() -> None:
    log = Log()
    for at in (1, 2, 3):
        log.fails(at)
    for at in (4, 5, 6):
        log.ends(at, answered=True)
    log.ends(7, answered=True, place="another, of which nothing was told")
    assert log.lines[1:] == ["Postgres: it answers again"]


def test_another_problem_is_told_at_once_too() -> None:
    log = Log()
    for at in (1, 2, 3):
        log.fails(at)
        log.fails(at, problem="password authentication failed")
    assert [line.split("; ")[0] for line in log.lines] == [
        f"Postgres: {REFUSED}",
        "Postgres: password authentication failed",
    ]


def test_who_gives_up_says_so_himself() -> None:
    log = Log()
    log.fails(1)
    log.ends(9, answered=False)
    assert len(log.lines) == 1


def test_servers_are_told_apart() -> None:
    log = Log()
    log.fails(1)
    log.fails(2, "S3")
    assert [line.partition(":")[0] for line in log.lines] == ["Postgres", "S3"]


def test_a_server_answers_again_once_nobody_waits_for_it_any_more() -> None:
    told: list[Wait] = []
    joint = JointWait(told.append)
    one, other, third = joint.of_one(), joint.of_one(), joint.of_one()
    fails, answers = Waiting("Postgres", REFUSED, 600), Waited("Postgres", answered=True)
    one(fails)
    other(fails)
    one(answers)
    one(fails)
    third(answers)
    other(Waited("Postgres", answered=False))
    assert told == [fails, fails, fails], "an end was told while somebody waited"
    one(answers)
    assert told[3:] == [answers]
