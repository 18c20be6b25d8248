"""The plugin against an API server that speaks HTTP: what it asks, and what each answer means."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from fake_cluster import experiment
from typer.testing import CliRunner

from rowmill.kubectl.app import app

EXPERIMENTS = "/apis/rowmill.dev/v1alpha1/namespaces/{}/experiments"


class _Server(ThreadingHTTPServer):
    """Answers by (method, path without query); anything else is 404 as of an unknown kind."""

    def __init__(self, answers: dict[tuple[str, str], tuple[int, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked: list[tuple[str, str, str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_PATCH(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, self.path, self.headers["Content-Type"], body))
        unknown = {"message": "the server could not find the requested resource"}
        status, answer = self.server.answers.get((self.command, path), (404, unknown))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests read standard error."""


@contextmanager
def _serving(answers: dict[tuple[str, str], tuple[int, Any]]) -> Iterator[_Server]:
    server = _Server(answers)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _kubeconfig(folder: Path, url: str, namespace: str | None = "team") -> str:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "not-to-be-told"}}],
        "contexts": [
            {"name": "main", "context": context},
            {"name": "other", "context": {"cluster": "c", "user": "u", "namespace": "elsewhere"}},
        ],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(document))
    return str(file)


def _run(kubeconfig: str, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--kubeconfig", kubeconfig])


def _url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_the_namespace_is_the_contexts_unless_one_is_given(tmp_path: Path) -> None:
    empty = (200, {"items": []})
    places = ("team", "elsewhere", "given")
    with _serving({("GET", EXPERIMENTS.format(place)): empty for place in places}) as server:
        file = _kubeconfig(tmp_path, _url(server))
        for words in ([], ["--context", "other"], ["-n", "given"]):
            result = _run(file, "status", "-o", "json", *words)
            assert (result.exit_code, json.loads(result.stdout)) == (0, [])
        assert [path for _, path, _, _ in server.asked] == [EXPERIMENTS.format(p) for p in places]


def test_a_change_is_a_merge_patch_of_the_annotation_alone(tmp_path: Path) -> None:
    path = EXPERIMENTS.format("team") + "/shop"
    answers = {("GET", path): (200, experiment()), ("PATCH", path): (200, experiment())}
    with _serving(answers) as server:
        result = _run(_kubeconfig(tmp_path, _url(server)), "abort", "shop")
        assert result.exit_code == 0
        method, asked, content, body = server.asked[-1]
    assert (method, content) == ("PATCH", "application/merge-patch+json")
    assert asked == f"{path}?fieldManager=kubectl-rowmill"
    assert body == {"metadata": {"annotations": {"rowmill.dev/abort": "1"}}}


def test_logs_are_those_of_the_newest_runs_pods(tmp_path: Path) -> None:
    pods = "/api/v1/namespaces/team/pods"
    labels = {"rowmill.dev/task": "shard", "batch.kubernetes.io/job-completion-index": "3"}
    pod = {
        "metadata": {"name": "p", "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": "Running"},
    }
    answers = {
        ("GET", EXPERIMENTS.format("team") + "/shop"): (200, experiment(number=2)),
        ("GET", pods): (200, {"items": [pod]}),
        ("GET", f"{pods}/p/log"): (200, "first\nsecond, ü\n".encode()),
    }
    with _serving(answers) as server:
        result = _run(_kubeconfig(tmp_path, _url(server)), "logs", "shop")
        assert result.stdout.splitlines() == ["[shard 3] first", "[shard 3] second, ü"]
        (selector,) = (path for _, path, _, _ in server.asked if path.startswith(f"{pods}?"))
    assert "rowmill.dev/run=2" in unquote(selector)


NO_OBJECT = {"message": 'experiments "shop" not found', "details": {"name": "shop"}}


@pytest.mark.parametrize(
    ("answers", "code", "reason", "words"),
    [
        ({}, 3, "CrdMissing", "rowmill crd"),
        (
            {
                ("GET", EXPERIMENTS.format("team") + "/shop"): (404, NO_OBJECT),
                ("GET", EXPERIMENTS.format("team")): (
                    200,
                    {"items": [experiment(name="wide"), experiment(name="big")]},
                ),
            },
            2,
            "Usage",
            "big, wide",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (403, {"message": "cannot get"})},
            3,
            "Forbidden",
            "cannot get",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (401, {"message": "Unauthorized"})},
            3,
            "Unauthorized",
            "sign in",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (503, b"<html>a proxy</html>")},
            3,
            "ApiRefused",
            "503",
        ),
    ],
    ids=["no CRD", "no such object", "forbidden", "unauthorized", "a proxy"],
)
def test_refusals_have_their_codes_and_cures(
    answers: Any, code: int, reason: str, words: str, tmp_path: Path
) -> None:
    with _serving(answers) as server:
        result = _run(_kubeconfig(tmp_path, _url(server)), "status", "shop", "-o", "json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["reason"]) == (code, reason)
    assert words in error["message"]
    assert "not-to-be-told" not in result.output


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with _serving({}) as server:
        url = _url(server)
    result = _run(_kubeconfig(tmp_path, url), "status", "shop", "-o", "json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["reason"]) == (4, "ApiUnreachable")
    assert url in error["message"]


def test_a_kubeconfig_that_is_no_good_is_wrong_usage(tmp_path: Path) -> None:
    result = _run(str(tmp_path / "missing"), "status")
    assert result.exit_code == 2
    assert "--kubeconfig" in result.output
    result = _run(_kubeconfig(tmp_path, "http://127.0.0.1:1"), "status", "--context", "unknown")
    assert result.exit_code == 2
    assert "--context" in result.output


def test_without_the_extra_the_command_says_which() -> None:
    code = (
        "import sys; sys.modules['kubernetes'] = None; sys.argv = ['kubectl-rowmill', 'status']; "
        "from rowmill.kubectl.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rowmill[kubectl]" in done.stderr


def test_help_needs_no_client() -> None:
    code = (
        "import sys; sys.modules['kubernetes'] = None; sys.argv = ['kubectl-rowmill', '--help']; "
        "from rowmill.kubectl.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for command in ("status", "runs", "abort", "rerun", "suspend", "resume", "logs"):
        assert command in done.stdout
