from __future__ import annotations

import json

from rowmill_operator.watch.manifests import Manifests
from tests.unit.operator.raw_objects import UID, raw_experiment

KEY = ("team", "shop")


def test_a_manifest_is_found_by_its_generation() -> None:
    manifests = Manifests()
    raw = raw_experiment(status={"phase": "Running"})
    manifests.keep(raw)
    found = manifests.find(KEY, UID, 1)
    assert found is not None
    assert json.loads(found) == {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": raw["spec"],
    }
    assert manifests.find(KEY, UID, 2) is None
    assert manifests.find(KEY, "another", 1) is None


def test_a_newer_generation_replaces_the_older() -> None:
    manifests = Manifests()
    manifests.keep(raw_experiment())
    manifests.keep(raw_experiment(meta={"generation": 2}, spec={"seed": 7}))
    assert manifests.find(KEY, UID, 1) is None
    assert '"seed":7' in (manifests.find(KEY, UID, 2) or "")


def test_the_oldest_make_room() -> None:
    manifests = Manifests(total=1_000)
    for number in range(50):
        manifests.keep(raw_experiment(f"e{number}"))
    assert manifests.find(("team", "e0"), UID, 1) is None
    assert manifests.find(("team", "e49"), UID, 1) is not None


def test_a_very_large_one_is_not_kept() -> None:
    manifests = Manifests()
    manifests.keep(raw_experiment())
    manifests.keep(raw_experiment(meta={"generation": 2}, spec={"rerun": "x" * 300_000}))
    assert manifests.find(KEY, UID, 1) is None
    assert manifests.find(KEY, UID, 2) is None


def test_what_is_dropped_makes_room() -> None:
    manifests = Manifests(total=600)
    for number in range(50):
        manifests.keep(raw_experiment(f"e{number}"))
        manifests.drop(("team", f"e{number}"))
    manifests.keep(raw_experiment())
    assert manifests.find(KEY, UID, 1) is not None
