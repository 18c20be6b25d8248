"""How far behind a run's progress was, and what it cost, from what was seen."""

from __future__ import annotations

import pytest

from tests.bench.progress import Cost, Costs, Look, behind, behind_at, cost_figure


def test_progress_is_behind_by_the_time_for_which_the_ledger_had_more() -> None:
    looks = [
        Look(0.0, durable=0, told=None),
        Look(1.0, durable=100, told=None),
        Look(2.0, durable=200, told=0),
        Look(3.0, durable=300, told=100),
        Look(4.0, durable=300, told=300),
        Look(9.0, durable=300, told=300),
    ]
    # At 3.0 the 200 rows of 2.0 were not told; at 2.0 the 100 of 1.0 were not.
    assert behind(looks) == 1.0
    assert behind_at(looks) == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert behind([*looks, Look(10.0, 400, 300), Look(13.5, 400, 300)]) == 3.5


@pytest.mark.parametrize(("silent", "met"), [(1.0, True), (0.5, False)])
def test_the_cost_is_what_telling_takes_more_of_what_the_workers_take(
    silent: float, met: bool
) -> None:
    costs = Costs([Cost(1.5, 60.0), Cost(1.4, 60.0)], [Cost(silent, 60.0), Cost(silent, 60.0)])
    figure = cost_figure(10_000_000, costs)
    assert figure.met is met
    assert costs.percents[0] == pytest.approx(100 * (1.5 - silent) / 60)
