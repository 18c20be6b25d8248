"""What the ledger keeps of what a run came from, and that old records are read."""

import json

import pytest

from rowmill.plan.run_source import ClusterPart, RunSource, Versions

DEFAULTS = {"postgres": None, "parquet": {"bucket": "lake", "endpoint": None}}
WHOLE = RunSource(
    "kind: Experiment",
    scale="0.5",
    seed=7,
    rerun="2",
    cluster=ClusterPart("shop", DEFAULTS),
    versions=Versions("0.1.0", "21.0.0", 2),
)


@pytest.mark.parametrize("source", [WHOLE, RunSource("kind: Experiment")], ids=["whole", "bare"])
def test_it_is_read_as_it_was_written(source: RunSource) -> None:
    assert RunSource.from_json(json.loads(json.dumps(source.to_json()))) == source


def test_it_is_kept_in_this_form() -> None:
    assert WHOLE.to_json() == {
        "manifest": "kind: Experiment",
        "scale": "0.5",
        "seed": 7,
        "rerun": "2",
        "cluster": {"namespace": "shop", "defaults": DEFAULTS},
        "versions": {"rowmill": "0.1.0", "pyarrow": "21.0.0", "data": 2},
    }


def test_older_clients_find_the_keys_that_they_read_by_name() -> None:
    assert RunSource("text").to_json() == {"manifest": "text", "scale": None, "seed": None}


def test_a_record_of_one_machine_that_knew_no_versions_is_read() -> None:
    old = {"manifest": "text", "scale": "2", "seed": None}
    assert RunSource.from_json(old) == RunSource("text", scale="2")


def test_a_record_of_a_cluster_that_knew_no_versions_is_read() -> None:
    old = {
        "manifest": "text",
        "scale": None,
        "seed": None,
        "rerun": "",
        "cluster": {"namespace": "shop", "defaults": DEFAULTS},
    }
    assert RunSource.from_json(old) == RunSource(
        "text", rerun="", cluster=ClusterPart("shop", DEFAULTS)
    )
