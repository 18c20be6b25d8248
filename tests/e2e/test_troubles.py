"""What a run survives, what is refused, and what the operator may not do."""

from __future__ import annotations

import json

import pytest

from tests.e2e.cluster.access import Cluster, KubectlError, wait_for
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import BUCKET, Installation
from tests.e2e.stuck import give, secret

ROWS = 50_000


def test_a_password_rotated_in_mid_run_is_survived(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    user, before, after = f"u{home[-8:]}", "before-1", "after-2"
    with installed.postgres() as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{before}'")
        connection.execute(f"GRANT ALL ON DATABASE warehouse TO {user}")
    values = secret(cluster, home, "warehouse")
    mine = values | {"PGUSER": user, "PGPASSWORD": before}
    give(cluster, home, "mine", mine)
    rows = 2_000_000
    ledger = f"ledger_{user}"
    postgres = {"secretName": "mine", "ledgerSchema": ledger}
    found = Applied.of(installed, home, wide(rows, destinations={"postgres": postgres}))
    found.under_way(ledger=ledger)
    with installed.postgres() as connection:
        connection.execute(f"ALTER ROLE {user} PASSWORD '{after}'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (user,)
        )
    give(cluster, home, "mine", mine | {"PGPASSWORD": after})
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
    wait_for(lambda: found.condition("Accepted").get("status") == "False", 180, "it is refused")
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
    wait_for(lambda: found.condition("Accepted").get("status") == "False", 180, "it is refused")
    assert "secretName" in json.dumps(found.condition("Accepted"))
