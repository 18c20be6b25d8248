"""The older Rowmill itself goes on in a ledger to which today's has come meanwhile."""

from __future__ import annotations

from pathlib import Path

from old_tree import OldTree, kill, standstill, wait_for
from older_bed import Left
from older_runs import LOADING, PUBLISHED, OlderRun

NEWCOMER = OlderRun("newcomer", "COMPLETED")


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
    said = tree.run("rowmill", *left.run_words(LOADING))
    assert "resuming run 1" in said
    assert left.experiment(LOADING).verify().identical
    # And what today's has published is read by it.
    assert "identical" in tree.run("rowmill", "verify", *left.run_words(NEWCOMER)[1:-1])
