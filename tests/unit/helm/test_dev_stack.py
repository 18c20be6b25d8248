"""The servers of examples/dev-stack.yaml fit the pods that load them and the other examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rowmill.plan.pod_contract import MOUNTED_KEYS, PARQUET, POSTGRES

ROOT = Path(__file__).parents[3]
STACK = list(yaml.safe_load_all((ROOT / "examples" / "dev-stack.yaml").read_text()))
EXAMPLES = ("minimal", "shop", "wide")
KEYS = {"warehouse": MOUNTED_KEYS[POSTGRES], "lake": MOUNTED_KEYS[PARQUET]}


def _of(kind: str) -> list[dict[str, Any]]:
    return [each for each in STACK if each["kind"] == kind]


@pytest.mark.parametrize("secret", _of("Secret"), ids=lambda each: each["metadata"]["name"])
def test_secrets_hold_what_worker_pods_take(secret: dict[str, Any]) -> None:
    keys = KEYS[secret["metadata"]["name"]]
    assert set(keys.required) <= set(secret["stringData"])
    assert set(secret["stringData"]) <= {*keys.required, *keys.optional}


def test_secrets_lead_to_the_services() -> None:
    ports = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in _of("Service")}
    warehouse, lake = (each["stringData"] for each in _of("Secret"))
    assert int(warehouse["PGPORT"]) == ports[warehouse["PGHOST"]]
    assert lake["AWS_ENDPOINT_URL"] == f"http://s3:{ports['s3']}"


def test_the_bucket_is_that_of_the_other_examples() -> None:
    manifests = [yaml.safe_load((ROOT / "examples" / f"{n}.yaml").read_text()) for n in EXAMPLES]
    buckets = {each["spec"]["destinations"]["parquet"]["bucket"] for each in manifests}
    (s3,) = (each for each in _of("StatefulSet") if each["metadata"]["name"] == "s3")
    (container,) = s3["spec"]["template"]["spec"]["containers"]
    assert {f"-bucket={bucket}" for bucket in buckets} <= set(container["args"])


def test_the_page_on_kubernetes_tells_which_keys_pods_take() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    for destination, keys in MOUNTED_KEYS.items():
        (row,) = re.findall(rf"^\| `{destination}` \| (.*) \| (.*) \|$", page, re.MULTILINE)
        assert tuple(tuple(cell.split(", ")) for cell in row) == (keys.required, keys.optional)
