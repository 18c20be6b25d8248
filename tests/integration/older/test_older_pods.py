"""A run that pods of the older worker image began is finished by pods of today's."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rowmill.plan.bundle import FILE, unpack
from tests.integration.job.job_env import Pods
from tests.integration.older.older_env import Left
from tests.integration.older.older_runs import POD
from tests.integration.older.older_states import BUNDLE, changed


@pytest.fixture
def pods(left: Left, tmp_path: Path) -> Pods:
    """Pods that have the bundle which the older operator made of the Experiment."""
    prefixes = {"postgres": "PG", "parquet": "AWS_"}
    secrets = {
        destination: {key: value for key, value in left.known.items() if key.startswith(prefix)}
        for destination, prefix in prefixes.items()
    }
    made = Pods(tmp_path / "pod", secrets)
    file = made.mounts / "run" / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(changed(BUNDLE.read_text("utf-8"), left.changes).encode()))
    return made


def test_the_shard_that_was_killed_and_the_rest_are_made_by_todays_pods(
    left: Left, pods: Pods
) -> None:
    plan = unpack((pods.mounts / "run" / FILE).read_bytes()).plan
    batches = left.database.execute(
        "SELECT tbl, batch FROM rowmill.batches JOIN rowmill.runs ON key = run "
        "WHERE owner = 'cluster/team/pod' ORDER BY 1, 2"
    )
    assert batches.fetchall() == [(0, 0), (1, 0)]
    ended = pods.run_shards(plan, at_once=1)
    assert [pod.code for pod in ended] == [0] * plan.shards, [pod.log for pod in ended]
    final = pods.run("finalize")
    assert (final.code, final.message["message"]) == (0, "run 1 is published"), final.log
    assert left.experiment(POD).verify().identical
    assert left.uploads(POD) == set()
