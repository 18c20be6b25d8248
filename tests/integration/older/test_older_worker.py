"""The older Rowmill itself goes on in a ledger to which today's has come meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from rowmill.destinations.ledger_layout import STEPS, newest
from rowmill.local.connections import find_connections
from rowmill.local.home.folder import rowmill_home
from rowmill.local.run_errors import interrupted
from rowmill.local.workers.supervisor import Supervisor
from rowmill.plan import freeze
from rowmill.plan.runs import Run
from rowmill.worker.destinations import open_destinations
from rowmill.worker.remaining import Durable
from tests.integration.experiments import Manifest
from tests.integration.older.old_tree import OldTree, kill, standstill, wait_for
from tests.integration.older.older_env import Left
from tests.integration.older.older_runs import BOTH, LOADING, PUBLISHED, OlderRun

# By its estimate a row has 20,000 bytes; hardly any has the long text.
WORD = {
    "type": "text",
    "generate": {"choice": {"values": ["a", "b", "x" * 60_000], "weights": [1, 1, 0.0001]}},
}
NEWCOMER = OlderRun("newcomer", "COMPLETED")
# A plan that the older reader takes for a defect, or in a bucket for a record that was spoilt.
REFUSED = (4, 3)


def test_an_older_run_on_its_way_ends_well_after_another_experiment_was_run_by_todays(
    left: Left, tree: OldTree, tmp_path: Path
) -> None:
    assert LOADING.stop is not None
    file = tmp_path / "stands"
    still = standstill(LOADING.stop.place, 2, file)
    process = tree.start("rowmill", *left.run_words(PUBLISHED, "--seed=9"), env=still)
    try:
        wait_for(file, process)
        assert left.experiment(NEWCOMER).run().run.number == 1
        assert step(left) == newest(STEPS), "today's has migrated beside it"
        # Reading it changes nothing either.
        assert left.runs()[PUBLISHED.name][-1] == "RUNNING"
        file.unlink()
        tree.finish(process)
    finally:
        kill(process)
    assert left.runs()[PUBLISHED.name][-1] == "COMPLETED"
    assert left.experiment(PUBLISHED, seed=9).verify().identical


def test_an_older_run_that_was_killed_is_finished_by_the_older_worker_all_the_same(
    left: Left, tree: OldTree
) -> None:
    assert left.experiment(NEWCOMER).run().run.number == 1
    assert step(left) == newest(STEPS)
    said = tree.run("rowmill", *left.run_words(LOADING))
    assert "resuming run 1" in said
    assert left.experiment(LOADING).verify().identical
    # And what today's has published, with a verdict beside it, is read by it.
    assert left.experiment(NEWCOMER).verify().identical
    assert left.runs()[NEWCOMER.name] == ["COMPLETED"]
    assert "identical" in tree.run("rowmill", "verify", *left.run_words(NEWCOMER)[1:-1])


def step(left: Left) -> int | None:
    """The newest step that the ledger came to."""
    row = left.database.execute("SELECT max(step) FROM rowmill.layout").fetchone()
    return None if row is None else row[0]


def test_the_progress_of_a_run_that_an_older_client_deletes_goes_along(
    left: Left, tree: OldTree
) -> None:
    run = left.experiment(NEWCOMER).run().run
    left.database.execute(
        "INSERT INTO rowmill.progress VALUES (%s, '{}', now()) ON CONFLICT DO NOTHING", (run.id,)
    )
    tree.run("rowmill", "delete", *left.run_words(NEWCOMER)[1:-1], "--yes")
    assert left.database.execute("SELECT count(*) FROM rowmill.progress").fetchone() == (0,)


def test_the_queries_of_an_experiment_that_an_older_client_deletes_go_along(
    left: Left, tree: OldTree
) -> None:
    left.experiment(NEWCOMER).run()
    left.database.execute(
        "INSERT INTO rowmill.queries SELECT owner, 'all', 'table t', now() FROM rowmill.experiments"
    )
    before = left.database.execute("SELECT count(*) FROM rowmill.queries").fetchone()
    tree.run("rowmill", "delete", *left.run_words(NEWCOMER)[1:-1], "--yes")
    after = left.database.execute("SELECT count(*) FROM rowmill.queries").fetchone()
    assert before is not None
    assert after == (before[0] - 1,)


@dataclass(frozen=True)
class Wide(OlderRun):
    """An experiment with a table that the older worker cuts into parts of 6,500 rows."""

    @property
    def manifest(self) -> Manifest:
        made = super().manifest
        made["spec"]["batchRows"] = 1_300
        made["spec"]["tables"] += [
            {"name": "wide", "rows": 15_000, "columns": [{**WORD, "name": "word"}]}
        ]
        return made


def test_a_run_of_several_parts_that_the_older_worker_began_is_finished_by_todays(
    left: Left, tree: OldTree, tmp_path: Path
) -> None:
    assert LOADING.stop is not None
    wide, file = Wide("newcomer", "RUNNING"), tmp_path / "stands"
    # Three batches of small tables, five of the first part, three of the second.
    still = standstill(LOADING.stop.place, 3 + 5 + 3, file)
    process = tree.start("rowmill", *left.run_words(wide), env=still)
    try:
        wait_for(file, process)
    finally:
        kill(process)
    run, durable = held(left, wide)
    layout = run.plan.by_name["wide"]
    assert [layout.part(number).rows for number in range(layout.parts)] == [6_500, 6_500, 2_000]
    assert durable.batches is not None
    assert durable.batches["wide"] == [(0, 7)]
    assert {part for part in durable.parts or () if part[0] == "wide"} == {("wide", 0)}
    assert todays_part_rows(left, wide) == 6_000
    outcome = left.experiment(wide).run()
    assert (outcome.resumed, outcome.run.plan) == (True, run.plan)
    assert left.experiment(wide).verify().identical
    assert len({key for key in left.objects(wide) if "/wide/" in key}) == layout.parts


def todays_part_rows(left: Left, run: OlderRun) -> int:
    """The rows of a part of wide in a plan that today's would freeze."""
    spec = left.experiment(run).spec
    frozen = freeze.freeze(
        spec.dataset,
        digest=spec.digest,
        parallelism=1,
        worker_memory=2**30,
        parquet_types=spec.parquet_types,
        batch_rows=spec.batch_rows,
    )
    return frozen.by_name["wide"].part_rows


@pytest.mark.parametrize("destinations", [BOTH, ("parquet",)], ids="-".join)
def test_a_run_of_todays_whose_parts_end_elsewhere_is_left_alone_by_the_older_worker(
    left: Left, tree: OldTree, monkeypatch: pytest.MonkeyPatch, destinations: tuple[str, ...]
) -> None:
    newcomer = OlderRun("newcomer", "FAILED", destinations, marks=4_100)
    experiment = left.experiment(newcomer)
    run_shards = Supervisor.run_shards

    def half(self: Supervisor, run: Run, shards: Iterable[int]) -> None:
        run_shards(self, run, [*shards][:2])
        raise interrupted()

    with monkeypatch.context() as patch:
        # Parts of one and a half batches.
        patch.setattr(freeze, "PART_ROWS", 1_500)
        patch.setattr(freeze, "GROUP_ROWS", 500)
        patch.setattr(Supervisor, "run_shards", half)
        with pytest.raises(type(interrupted())):
            experiment.run()
    before = held(left, newcomer)
    process = tree.start("rowmill", *left.run_words(newcomer))
    said = tree.finish(process, codes=REFUSED)
    assert "part_rows" in said or "is not what Rowmill wrote there" in said
    assert held(left, newcomer) == before
    outcome = experiment.run()
    assert (outcome.resumed, outcome.run.number) == (True, 1)
    assert experiment.verify().identical


def held(left: Left, run: OlderRun) -> tuple[Run, Durable]:
    """What the ledger holds of the experiment's one run, of which there must be something."""
    spec = left.experiment(run).spec
    connections = find_connections(spec, left.secrets(run), rowmill_home())
    with closing(open_destinations(spec, connections)) as destinations:
        (found,) = destinations.ledger.runs.of(destinations.owner)
        durable = destinations.durable(found)
    assert durable.batches or durable.parts
    return found, durable
