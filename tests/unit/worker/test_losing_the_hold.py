"""A removal whose lock was lost amid leaves the records of a run that was begun since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rowmill.errors import Conflict
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.removal import purge
from rowmill.worker.removal.removed import Removed

OWNER = "me@here/local/shop"
RUN = Run(
    "id", OWNER, "u", 1, RunState.COMPLETED, Plan("", 1, (), ()), datetime.now(UTC), None, "", {}
)
NEXT = replace(RUN, id="next", number=2, state=RunState.RUNNING)


class Known:
    """Destinations of one run, its ledger, and all of that ledger's parts; and the hold."""

    owner, session = OWNER, None

    def __init__(self) -> None:
        self.ledger = self.locks = self.runs = self
        self.known = [RUN]
        self.anothers = self.preparing_now = self.forgotten = False

    def lost(self) -> bool:
        return self.anothers

    @contextmanager
    def hold_experiment(self, owner: str) -> Iterator[Known]:
        yield self

    @contextmanager
    def preparing(self, owner: str) -> Iterator[None]:
        self.preparing_now = True
        yield
        self.preparing_now = False

    def found(self) -> bool:
        return True

    def uid(self, owner: str) -> str:
        return "u"

    def ensure(self) -> None: ...

    def of(self, owner: str) -> list[Run]:
        return list(self.known)

    def note(self, run_id: str, summary: dict[str, Any]) -> None:
        self.forget_experiment(OWNER)

    def forget_experiment(self, owner: str) -> None:
        assert self.preparing_now, "a run could be begun before its records go"
        self.forgotten = True


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known()
    monkeypatch.setattr(purge, "remove_data", lambda owners, cure, check: Removed(tables=1))
    return known


EACH = pytest.mark.parametrize("remove", [purge.delete, purge.reset])


@EACH
def test_the_records_go_while_no_run_can_be_begun(known: Any, remove: Any) -> None:
    assert remove(known) == Removed(tables=1)
    assert known.forgotten


@EACH
@pytest.mark.parametrize("ended", [False, True], ids=["live", "ended"])
def test_a_run_that_was_begun_amid_keeps_its_records(
    known: Any, remove: Any, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart(owners: object, cure: str, check: object) -> Removed:
        known.known.append(NEXT)
        known.anothers = not ended
        return Removed(tables=1)

    monkeypatch.setattr(purge, "remove_data", restart)
    with pytest.raises(Conflict, match="was begun while") as refused:
        remove(known)
    assert refused.value.reason == "LiveRunElsewhere"
    assert not known.forgotten


@EACH
def test_nothing_is_removed_once_another_has_the_lock(
    known: Any, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for a prepare, say."""
    monkeypatch.setattr(purge, "remove_data", lambda owners, cure, check: pytest.fail("it removed"))
    known.anothers = True
    with pytest.raises(Conflict, match="No published data was removed"):
        remove(known)
    assert not known.forgotten
