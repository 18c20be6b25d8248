"""An experiment with an owner key of its own, for the tests of claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.claim import held
from rowmill.destinations.lake.lake import Lake
from rowmill.plan.purging import PurgeEnd, Written
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.removal.purge import purge
from tests.integration.experiments import PEOPLE, Manifest, manifest
from tests.integration.worker.env import Env, pod, state

both_ledgers = pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])


class Killed(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True)
class Owner:
    """An experiment with an engine, and so an owner key, of its own."""

    env: Env
    destinations: Destinations

    @property
    def key(self) -> str:
        return self.destinations.owner

    @property
    def lake(self) -> Lake:
        assert self.destinations.lake is not None
        return self.destinations.lake

    @property
    def claimant(self) -> str | None:
        """Whose the prefix is."""
        found = held(self.lake.bucket, self.prefix)
        return None if found is None else found.claim.owner

    @property
    def prefix(self) -> str:
        assert self.env.spec.parquet is not None
        return self.env.spec.parquet.prefix

    def pod(self, uid: str = "a", number: int = 1, adopt: str | None = None) -> Run:
        return pod(self.env, self.destinations, uid, number, adopt=adopt).run

    def refused(self, uid: str = "a", adopt: str | None = None) -> DestinationRefused:
        with pytest.raises(DestinationRefused) as refusal:
            self.pod(uid, adopt=adopt)
        return refusal.value

    def purge(self, uid: str = "a", written: Run | None = None) -> PurgeEnd:
        """As the pod of an Experiment that is known to have `written` this run, or none."""
        known = None if written is None else Written(written.number, written.id)
        return purge(self.destinations, uid, known, lambda purged: None).end

    def complete(self, uid: str = "a", number: int = 1, adopt: str | None = None) -> Run:
        run = self.pod(uid, number, adopt)
        self.env.finalize(self.destinations, run)
        assert state(self.destinations, run) is RunState.COMPLETED
        return run


Owners = Callable[..., Owner]


def shop(name: str, **options: Any) -> Manifest:
    options = {"tables": [PEOPLE], "parquet": {"prefix": name}, **options}
    return manifest(name, **options)


def dies_before_its_run(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, adopt: str | None = None
) -> None:
    """The prepare of a pod ends between its claims and the record of its run."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(owner.destinations.ledger.runs), "claim", die)
        with pytest.raises(Killed):
            owner.pod(adopt=adopt)
