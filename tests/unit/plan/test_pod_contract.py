"""What operator and worker pods agree on is said once, and all that repeats it agrees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rowmill.plan.pod_contract import (
    FAIL_THE_JOB,
    GRACE_SECONDS,
    METRICS_PATH,
    MOUNTED_KEYS,
    PARQUET,
    PORT,
    PORT_NAME,
    POSTGRES,
    PROGRESS_PATH,
    SCRATCH,
    SHARD_INDEX,
    STOP_SECONDS,
    TERMINATION_LOG,
    ExitCode,
    PodEnvironment,
    mount_path,
)
from rowmill.plan.purging import Written

ROOT = Path(__file__).parents[3]
SIDES = ("operator/rowmill_operator", "job_image/rowmill_job")
EVERY_KEY = {key for keys in MOUNTED_KEYS.values() for key in (*keys.required, *keys.optional)}
WORDS = {
    *(PROGRESS_PATH, METRICS_PATH, TERMINATION_LOG, SHARD_INDEX, SCRATCH),
    *EVERY_KEY,
    "ROWMILL_WRITTEN",
    *("rowsPerSecond", "cpuSeconds", "peakBytes", "loadingCpuSeconds", "purged", "removed"),
    "verified",
}
NUMBERS = {*ExitCode, PORT} - {ExitCode.DONE}
# The operator's own port and path for Prometheus, and the status's word, which only happen to be
# those of pods.
OWN: dict[str, set[object]] = {
    "operator/rowmill_operator/metrics.py": {PORT, METRICS_PATH},
    "operator/rowmill_operator/decide/paces.py": {"rowsPerSecond"},
}
PARTS = (mount_path(""), str(PORT))


def _written_by_hand(file: Path) -> Iterator[object]:
    own = OWN.get(str(file.relative_to(ROOT)), set())
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and node.value not in own:
            value = node.value
            if isinstance(value, str) and (value in WORDS or any(part in value for part in PARTS)):
                yield value
            if type(value) is int and value in NUMBERS:
                yield value


def test_the_numbers_are_those_of_pods_that_are_at_work_already() -> None:
    """An image that is frozen with its run goes on under any later operator."""
    assert dict(ExitCode.__members__) == {
        "DONE": 0,
        "BAD_SPEC": 64,
        "REFUSED": 65,
        "FAILED": 70,
        "TERMINATED": 143,
    }
    assert FAIL_THE_JOB == (64, 65)
    assert (PORT, PORT_NAME, PROGRESS_PATH) == (8080, "http", "/progress")
    assert mount_path("run") == "/etc/rowmill/run"
    assert TERMINATION_LOG == "/dev/termination-log"
    assert MOUNTED_KEYS[POSTGRES].required == ("PGHOST", "PGUSER", "PGDATABASE")
    assert MOUNTED_KEYS[PARQUET].required == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def test_a_worker_ends_by_itself_before_the_kubelet_ends_it() -> None:
    assert STOP_SECONDS < 10 < GRACE_SECONDS


@pytest.mark.parametrize("side", SIDES)
def test_neither_side_writes_the_contract_by_hand(side: str) -> None:
    found = {
        str(file.relative_to(ROOT)): words
        for file in (ROOT / side).rglob("*.py")
        if (words := list(_written_by_hand(file)))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("environment", "variables"),
    [
        (PodEnvironment({}), {}),
        (
            PodEnvironment({POSTGRES: "warehouse", PARQUET: None}, Written(3, "abc")),
            {
                "ROWMILL_POSTGRES_SECRET": "warehouse",
                "ROWMILL_PARQUET_SECRET": "",
                "ROWMILL_WRITTEN": "3/abc",
            },
        ),
    ],
    ids=["of an earlier operator", "of a purge"],
)
def test_what_the_operator_tells_by_variables_the_pod_reads(
    environment: PodEnvironment, variables: dict[str, str]
) -> None:
    assert environment.variables() == variables
    assert PodEnvironment.read({"PATH": "/bin", **variables}) == environment


def test_the_image_of_the_pod_has_its_port_and_its_scratch() -> None:
    text = (ROOT / "job_image" / "Dockerfile").read_text()
    assert re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE) == [str(PORT)]
    assert re.findall(r"^WORKDIR (.*)$", text, re.MULTILINE) == [SCRATCH]
    assert f" HOME={SCRATCH} " in text


def test_the_chart_reaches_pods_by_their_port() -> None:
    templates = ROOT / "helm" / "rowmill" / "templates"
    policy = (templates / "networkpolicy.yaml").read_text()
    progress = policy.partition("# Progress, asked of worker pods.")[2].partition("---")[0]
    assert re.findall(r"- port: (.*)", progress) == [str(PORT)]
    workers = policy.partition("-workers")[2]
    assert set(re.findall(r"- port: (.*)", workers)) == {PORT_NAME}
    monitor = (templates / "podmonitor.yaml").read_text()
    assert re.findall(r"- port: (.*)", monitor) == [PORT_NAME]
    # Prometheus's own path is that of the pods.
    assert "path:" not in monitor
    assert METRICS_PATH == "/metrics"


def test_the_pages_tell_the_port() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    assert set(re.findall(r"port (\d+)\b", page)) == {str(PORT)}
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (policies,) = (block for block in blocks if "name: rowmill-progress" in block)
    (rule,) = next(yaml.safe_load_all(policies))["spec"]["ingress"]
    assert rule["ports"] == [{"port": PORT}]
    metrics = (ROOT / "docs" / "metrics.md").read_text()
    assert f"port {PORT} (`{PORT_NAME}`), path `{METRICS_PATH}`" in metrics
