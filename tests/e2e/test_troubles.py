"""What stands in a run's way: one clear condition each, and on it goes once that is mended."""

from __future__ import annotations

import base64
import json

import pytest

from .cluster.access import Cluster, KubectlError, wait_for
from .experiments import Applied, wide
from .installation import BUCKET, Installation

ROWS = 50_000
TOLD, MENDED = 45, 150


@pytest.fixture
def home(installed: Installation, namespace: str) -> str:
    installed.give_secrets(namespace)
    return namespace


def _secret(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    data = cluster.get("secret", name, namespace)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _give(cluster: Cluster, namespace: str, name: str, values: dict[str, str]) -> None:
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values},
        namespace=namespace,
    )


def test_a_missing_secret_is_named_and_its_coming_is_enough(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    spec = wide(ROWS, destinations={"postgres": {"secretName": "mine"}})
    found = Applied.of(installed, home, spec)
    assert "mine" in found.stalled("SecretMissing", TOLD)
    _give(cluster, home, "mine", _secret(cluster, home, "warehouse"))
    found.complete(MENDED)


def test_a_wrong_password_is_told_and_mended_by_the_secret_alone(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    right = _secret(cluster, home, "warehouse")
    _give(cluster, home, "mine", right | {"PGPASSWORD": "not-this-one"})
    spec = wide(ROWS, destinations={"postgres": {"secretName": "mine"}})
    found = Applied.of(installed, home, spec)
    found.stalled("CredentialsRefused", 200)
    assert found.status()["phase"] != "Failed"
    _give(cluster, home, "mine", right)
    found.complete(MENDED)


def test_a_missing_bucket_is_told_and_its_making_is_enough(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    bucket = f"later-{home}"
    parquet = {"bucket": bucket, "secretName": "lake"}
    found = Applied.of(installed, home, wide(ROWS, destinations={"parquet": parquet}))
    assert bucket in found.stalled("BucketMissing", 90)
    with installed.s3() as client:
        client.create_bucket(Bucket=bucket)
    found.complete(MENDED)


def test_a_quota_is_told_and_its_end_is_enough(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    cluster.apply(quota, namespace=home)
    found = Applied.of(installed, home, wide(ROWS))
    assert "none" in found.stalled("QuotaExceeded", TOLD)
    cluster.kubectl("delete", "resourcequota", "none", "-n", home)
    found.complete(MENDED)


def test_a_target_of_another_owner_is_told_with_the_line_that_takes_over(
    installed: Installation, home: str
) -> None:
    first = Applied.of(installed, home, wide(ROWS))
    first.complete()
    taken = {"postgres": {"schema": first.name}}
    second = Applied.of(installed, home, wide(ROWS, destinations=taken))
    message = second.stalled("TargetInUse", 90)
    assert f"/{home}/{first.name}" in message
    second.annotate(adopt=f"rowmill-system/rowmill/{home}/{first.name}", rerun="adopting")
    second.complete(MENDED)


def test_too_little_memory_is_named(installed: Installation, home: str) -> None:
    resources = {"limits": {"memory": "60Mi"}, "requests": {"memory": "60Mi"}}
    found = Applied.of(installed, home, wide(ROWS, resources=resources))
    assert "resources.limits.memory" in found.stalled("OOMKilled", 180)
    found.patch(resources={"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}})
    found.complete(MENDED)


def test_a_password_rotated_in_mid_run_is_survived(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    user, before, after = f"u{home[-8:]}", "before-1", "after-2"
    with installed.postgres() as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{before}'")
        connection.execute(f"GRANT ALL ON DATABASE warehouse TO {user}")
    values = _secret(cluster, home, "warehouse")
    mine = values | {"PGUSER": user, "PGPASSWORD": before}
    _give(cluster, home, "mine", mine)
    rows = 2_000_000
    postgres = {"secretName": "mine", "ledgerSchema": f"ledger_{user}"}
    found = Applied.of(installed, home, wide(rows, destinations={"postgres": postgres}))
    found.under_way()
    with installed.postgres() as connection:
        connection.execute(f"ALTER ROLE {user} PASSWORD '{after}'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (user,)
        )
    _give(cluster, home, "mine", mine | {"PGPASSWORD": after})
    found.complete(400)
    assert found.rows("events") == rows


def test_a_manifest_that_cannot_be_is_refused_with_all_its_problems(
    installed: Installation, home: str
) -> None:
    spec = wide(ROWS)
    column = spec["tables"][0]["columns"][4]
    column["generate"] = {"integer": {"min": 1, "max": 10}}
    column["unique"] = True
    spec["locale"] = "xx_YY"
    found = Applied.of(installed, home, spec)
    wait_for(lambda: found.condition("Accepted").get("status") == "False", 30, "it is refused")
    message = found.condition("Accepted")["message"]
    assert "spec.tables[0].columns[4]" in message
    assert "spec.locale" in message
    assert not found.children("jobs")


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "secrets"), ("list", "secrets"), ("create", "pods"), ("create", "deployments.apps")],
)
def test_the_operator_may_do_nothing_beyond_its_list(
    cluster: Cluster, installed: Installation, home: str, verb: str, resource: str
) -> None:
    account = "system:serviceaccount:rowmill-system:rowmill"
    try:
        answer = cluster.kubectl("auth", "can-i", verb, resource, f"--as={account}", "-n", home)
    except KubectlError as error:
        answer = str(error)
    assert "yes" not in answer.split()
    allowed = cluster.kubectl("auth", "can-i", "create", "jobs", f"--as={account}", "-n", home)
    assert allowed.strip() == "yes"


def test_a_table_of_anothers_bucket_needs_credentials_of_its_own(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    spec = wide(ROWS, destinations={"parquet": {"bucket": "not-" + BUCKET}})
    found = Applied.of(installed, home, spec)
    wait_for(lambda: found.condition("Accepted").get("status") == "False", 30, "it is refused")
    assert "secretName" in json.dumps(found.condition("Accepted"))
