"""The dashboard's queries, asked of a real Prometheus that scrapes a real run."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rowmill.plan.pod_contract import PORT
from tests.e2e.cluster.access import wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import SLOWLY, Applied, wide
from tests.e2e.installation import RELEASE_NAMESPACE, Installation

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "helm" / "rowmill" / "files" / "dashboards" / "rowmill.json"
# It lives in the node's own network, where nothing else is on this port.
ADDRESS = "127.0.0.1:19090"
# More than any machine makes while the queries are asked: an abort ends the run then.
MANY = 60_000_000
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
RETRIES = 'sum(rowmill_worker_retries_total{destination="postgres"}) > 0'


@pytest.fixture
def prometheus(node: Node, tmp_path: Path) -> Iterator[Path]:
    """A Prometheus, which is told by a file whom to scrape: Debian's knows no Kubernetes."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no prometheus here; Debian's package of that name brings it")
    config = tmp_path / "prometheus.yml"
    targets = tmp_path / "targets.json"
    targets.write_text("[]")
    discovery = {"files": [str(targets)], "refresh_interval": "1s"}
    job = {"job_name": "rowmill", "file_sd_configs": [discovery]}
    # A pod of few CPUs takes its time to answer, on a busy node more than a second.
    hurry = {"scrape_interval": "2s", "scrape_timeout": "2s"}
    config.write_text(json.dumps({"global": hurry, "scrape_configs": [job]}))
    command = [program, f"--config.file={config}", f"--web.listen-address={ADDRESS}"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--storage.tsdb.path={tmp_path / 'data'}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: _answers() or process.poll() is not None, 180, "Prometheus")
            assert process.poll() is None, (tmp_path / "prometheus.log").read_text()[-2000:]
            yield targets
        finally:
            process.terminate()
            process.wait()


def test_every_panel_has_data_of_a_run_with_a_retry(
    installed: Installation, prometheus: Path, namespace: str
) -> None:
    installed.give_secrets(namespace)
    # A rate needs two looks at one pod, so a pod's shard has to last.
    run = Applied.of(installed, namespace, wide(MANY, resources=SLOWLY))
    wait_for(lambda: run.pods(running=True), 180, "a pod at work")
    wanted = {*_queries(), RETRIES}
    answered: set[str] = set()

    def all_answered() -> bool:
        prometheus.write_text(json.dumps(_targets(run)))
        if RETRIES not in answered:
            _cut_connections(installed)
        answered.update(query for query in wanted - answered if _has_data(query))
        return answered == wanted or run.status().get("phase") == "Failed"

    wait_for(all_answered, 240, "the queries' data")
    assert wanted - answered == set()
    run.annotate(abort="1")
    run.reach("Failed")


def _targets(run: Applied) -> list[dict[str, object]]:
    """The operator's pod and the run's, with the labels that ServiceMonitor and PodMonitor give."""
    selector = "app.kubernetes.io/component=operator"
    operator = run.cluster.find_all("pods", RELEASE_NAMESPACE, selector)
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{PORT}"],
            "labels": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]},
        }
        for pod in (*operator, *run.pods(running=True))
    ]


def _queries() -> set[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = {target["expr"] for panel in panels for target in panel.get("targets", ())}
    return {
        text.replace("$namespace", ".*").replace("$__rate_interval", "1m") for text in expressions
    }


def _cut_connections(installed: Installation) -> None:
    with installed.postgres() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def _has_data(query: str) -> bool:
    """Whether an instant query gives a number."""
    words = urllib.parse.urlencode({"query": query})
    with _DIRECTLY.open(f"http://{ADDRESS}/api/v1/query?{words}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return any(not math.isnan(float(each["value"][1])) for each in found)


def _answers() -> bool:
    try:
        with _DIRECTLY.open(f"http://{ADDRESS}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
