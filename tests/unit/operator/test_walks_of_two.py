"""Random walks with a second operator, which decides by what it saw some time ago."""

from __future__ import annotations

import pytest

from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.model.actions import Action, CreateJob, FreezePlan, SetParallelism, Validate
from rowmill_operator.model.names import plan_name
from rowmill_operator.model.observed import Observed
from tests.unit.operator.status_schema import kept
from tests.unit.operator.test_reconcile_walks import Walk


class WalkOfTwo(Walk):
    """A bad day with two operators.

    For a while Jobs of two runs may be there: of what their pods write, the ledger takes only what
    the newer run's have written.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.seen: Observed = self.cluster.observed()
        self.events += [self.second_sees, self.second_acts, self.second_acts]

    def look(self) -> None:
        self.cluster.look()

    def check(self) -> None:
        """What one operator alone keeps to, two may break for a while."""

    def second_sees(self) -> None:
        self.seen = self.cluster.observed()

    def second_acts(self) -> None:
        decision = reconcile(self.seen, self.cluster.now, self.cluster.settings)
        for action in decision.actions:
            if self._goes_through(action):
                self.cluster._carry_out(action)
        if decision.status is not None:
            self.cluster.change(status=kept(decision.status))

    def _goes_through(self, action: Action) -> bool:
        """Whether the API server would have it: names are given once, versions are compared."""
        match action:
            case CreateJob(manifest):
                return manifest["metadata"]["name"] not in self.cluster.jobs
            case FreezePlan(number, rerun):
                # The cluster in memory freezes what is wished now.
                now, seen = self.cluster.experiment, self.seen.experiment
                there = plan_name(now.name, number) in self.cluster.plans
                same = (now.generation, self.rerun_text) == (seen.generation, rerun)
                return same and not there
            case SetParallelism() | Validate():
                return False
        return True


@pytest.mark.parametrize("seed", range(80))
def test_the_run_ends_well_beside_an_operator_that_lags(seed: int) -> None:
    walk = WalkOfTwo(seed)
    walk.take()
    cluster = walk.cluster
    assert cluster.run["digest"] == cluster.digest
    assert {job.number for job in cluster.jobs.values()} <= {cluster.run["number"]}
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes
