"""The plugin against an API server that speaks HTTP: what it asks, and what each answer means."""

from __future__ import annotations

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from rowmill.cluster.apiserver.kubeconfig import Wanted
from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import connect
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Conflict, NotFound
from rowmill.terminal import figures
from tests.unit.cluster.fake_cluster import experiment
from tests.unit.cluster.test_cluster_engine import MANIFEST
from tests.unit.kubectl.api_server import (
    EXPERIMENTS,
    LISTED,
    Asked,
    Server,
    kubeconfig,
    run,
    serving,
)


def test_the_namespace_is_the_contexts_unless_one_is_given(tmp_path: Path) -> None:
    empty: tuple[int, Any] = (200, {"items": []})
    places = ("team", "elsewhere", "given")
    with serving({("GET", EXPERIMENTS.format(place)): empty for place in places}) as server:
        file = kubeconfig(tmp_path, server.url)
        for words in ([], ["--context", "other"], ["-n", "given"]):
            result = run(file, "status", "-o", "json", *words)
            assert (result.exit_code, json.loads(result.stdout)) == (0, [])
        assert server.paths() == [LISTED.format(place) for place in places]


def test_an_abort_is_a_merge_patch_of_the_very_object_that_was_looked_at(tmp_path: Path) -> None:
    path = EXPERIMENTS.format("team") + "/shop"
    answers = {("GET", path): (200, experiment()), ("PATCH", path): (200, experiment())}
    with serving(answers) as server:
        result = run(kubeconfig(tmp_path, server.url), "abort", "shop")
        assert result.exit_code == 0
        asked = server.asked[-1]
    assert asked.headers["Content-Type"] == "application/merge-patch+json"
    assert (asked.method, asked.path) == ("PATCH", f"{path}?fieldManager=rowmill")
    metadata = {"annotations": {"rowmill.dev/abort": "1"}, "resourceVersion": "41"}
    assert asked.body == {"metadata": metadata}


def test_a_deletion_is_of_the_very_object_that_was_looked_at(tmp_path: Path) -> None:
    """One that was made anew under its name meanwhile is another's."""
    path = EXPERIMENTS.format("team") + "/shop"
    answers = {(method, path): (200, experiment()) for method in ("GET", "PATCH")}
    other = {"message": "the UID in the precondition does not match the UID in record"}
    with serving({**answers, ("DELETE", path): (409, other)}) as server:
        wanted = Wanted(kubeconfig=Path(kubeconfig(tmp_path, server.url)))
        with pytest.raises(Conflict, match="does not match the UID"):
            ClusterEngine(connect(wanted)).delete("shop", purge=False)
        asked = server.asked[-1]
    assert (asked.method, asked.headers["Content-Type"]) == ("DELETE", "application/json")
    assert asked.body == {"preconditions": {"uid": "uid-of-shop"}}


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", "-w"), ("runs",), ("abort",), ("rerun",), ("rerun", "--wait"),
        ("suspend",), ("resume",), ("logs",), ("logs", "-f"),
    ],
)  # fmt: skip
def test_an_unknown_experiment_is_wrong_usage_and_names_what_is_near(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    place = EXPERIMENTS.format("team")
    missing = {"message": "not found", "details": {"name": "shpo"}}
    answers = {
        ("GET", f"{place}/shpo"): (404, missing),
        ("GET", f"{place}/zzz"): (404, missing),
        ("PATCH", f"{place}/shpo"): (404, missing),
        ("PATCH", f"{place}/zzz"): (404, missing),
        ("GET", place): (200, {"items": [experiment(name="shop"), experiment(name="bank")]}),
    }
    command, *more = words
    with serving(answers) as server:
        file = kubeconfig(tmp_path, server.url)
        near, far = (run(file, command, name, *more) for name in ("shpo", "zzz"))
    said = "rowmill: there is no Experiment 'shpo' in namespace 'team'; did you mean 'shop'?\n"
    assert (near.exit_code, near.stderr) == (2, said)
    assert far.exit_code == 2
    assert "(known: bank, shop); name one of these, or take another namespace with -n" in far.stderr


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
    with serving(answers) as server:
        result = run(kubeconfig(tmp_path, server.url), "logs", "shop")
        assert result.stdout.splitlines() == ["[shard 3] first", "[shard 3] second, ü"]
        (selector,) = (path for path in server.paths() if path.startswith(f"{pods}?"))
    assert "rowmill.dev/run=2" in unquote(selector)


def test_a_log_that_is_followed_is_asked_for_with_stamps_that_nobody_sees(tmp_path: Path) -> None:
    log = "/api/v1/namespaces/team/pods/p/log"
    lines = b"2026-01-01T00:00:00.25+01:00 first  one\n2026-01-01T00:00:00.5+01:00\n"
    with serving({("GET", log): (200, lines)}) as server:
        cluster = connect(Wanted(kubeconfig=Path(kubeconfig(tmp_path, server.url))))
        found = list(cluster.follow_log("p", "2026-01-01T00:00:00+01:00", Cancellation()))
        (asked,) = server.paths()
    assert [line.text for line in found] == ["first  one", ""]
    assert found[0].stamp == "2026-01-01T00:00:00.25+01:00"
    query = "follow=true&timestamps=true&sinceTime=2026-01-01T00%3A00%3A00%2B01%3A00"
    assert asked == f"{log}?{query}"


class _Silent(BaseHTTPRequestHandler):
    """Answers with a log in which nothing comes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.rfile.read()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_silent_log_is_let_go_from_another_thread(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    file = kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}")
    cancellation = Cancellation()
    lines = connect(Wanted(kubeconfig=Path(file))).follow_log("p", None, cancellation)
    Timer(0.5, cancellation.cancel).start()
    with pytest.raises(Cancelled):
        next(lines)
    server.shutdown()
    server.server_close()


class _InPages(Server):
    """Gives two Experiments at a time, whatever the limit."""

    def heed(self, asked: Asked) -> None:
        start = parse_qs(urlsplit(asked.path).query).get("continue", ["0"])[0]
        names = ["a", "b", "c", "d", "e"][int(start) :]
        more = str(int(start) + 2) if names[2:] else ""
        items = [experiment(name=name) for name in names[:2]]
        page = {"metadata": {"continue": more}, "items": items}
        self.answers = {("GET", EXPERIMENTS.format("team")): (200, page)}


def test_a_page_of_a_list_asks_for_no_more_than_it_needs(tmp_path: Path) -> None:
    """Each Experiment comes with its whole spec."""
    with serving({}, kind=_InPages) as server:
        engine = ClusterEngine(connect(Wanted(kubeconfig=Path(kubeconfig(tmp_path, server.url)))))
        first = engine.list(limit=2)
        assert ([one.name for one in first.items], first.after) == (["a", "b"], "b")
        asked = len(server.asked)
        everything = [one.name for one in engine.list().items]
    assert (asked, everything) == (2, ["a", "b", "c", "d", "e"])
    queries = [parse_qs(urlsplit(path).query) for path in server.paths()[2:]]
    assert queries == [
        {"limit": ["100"]},
        {"limit": ["100"], "continue": ["2"]},
        {"limit": ["100"], "continue": ["4"]},
    ]


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
            "ExperimentUnknown",
            "big, wide",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (403, {"message": "cannot get"})},
            3,
            "Forbidden",
            "cannot get; ask for that right in namespace 'team': the ClusterRole edit (to look: "
            "view) has it, but on Experiments not with the chart's watchNamespaces, nor without "
            "its rbac.userRoles",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (401, {"message": "Unauthorized"})},
            3,
            "Unauthorized",
            "sign in",
        ),
        (
            {("GET", EXPERIMENTS.format("team") + "/shop"): (503, b"<html>a proxy</html>")},
            4,
            "ApiUnreachable",
            "503",
        ),
    ],
    ids=["no CRD", "no such object", "forbidden", "unauthorized", "a proxy"],
)
def test_refusals_have_their_codes_and_cures(
    answers: Any, code: int, reason: str, words: str, tmp_path: Path
) -> None:
    with serving(answers) as server:
        result = run(kubeconfig(tmp_path, server.url), "status", "shop", "-o", "json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["reason"]) == (code, reason)
    assert words in error["message"]
    assert "not-to-be-told" not in result.output


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with serving({}) as server:
        url = server.url
    result = run(kubeconfig(tmp_path, url), "status", "shop", "-o", "json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["reason"]) == (4, "ApiUnreachable")
    assert url in error["message"]


def test_a_kubeconfig_that_is_no_good_is_wrong_usage(tmp_path: Path) -> None:
    result = run(str(tmp_path / "missing"), "status")
    assert result.exit_code == 2
    assert "--kubeconfig" in result.output
    result = run(kubeconfig(tmp_path, "http://127.0.0.1:1"), "status", "--context", "unknown")
    assert result.exit_code == 2
    assert "--context" in result.output


def test_without_the_extra_the_command_says_which() -> None:
    code = (
        "import sys; sys.modules['urllib3'] = None; sys.argv = ['kubectl-rowmill', 'status']; "
        "from rowmill.kubectl.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rowmill[kubectl]" in done.stderr


def test_help_needs_no_client() -> None:
    code = (
        "import sys; sys.modules['urllib3'] = None; sys.argv = ['kubectl-rowmill', '--help']; "
        "from rowmill.kubectl.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for command in ("status", "runs", "abort", "rerun", "suspend", "resume", "logs"):
        assert command in done.stdout


def test_a_run_has_lasted_as_long_as_the_api_servers_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began by that clock, whatever this machine's shows."""
    date = "Thu, 01 Jan 2026 00:02:00 GMT"
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: date)
    answers = {("GET", EXPERIMENTS.format("team") + "/shop"): (200, experiment())}
    with serving(answers) as server:
        result = run(kubeconfig(tmp_path, server.url), "runs", "shop")
    assert figures.duration(120) in result.stdout


@pytest.mark.parametrize("name", ["", "..", "a/b", "Shop", "n" * 254, "a b"])
@pytest.mark.parametrize("verb", ["status", "runs", "logs", "resume", "rerun", "verify"])
def test_what_can_be_no_name_is_known_to_nobody(tmp_path: Path, verb: str, name: str) -> None:
    with serving({("GET", EXPERIMENTS.format("team")): (200, {"items": [experiment()]})}) as server:
        result = run(kubeconfig(tmp_path, server.url), verb, name)
        assert {path.partition("?")[0] for path in server.paths()} == {EXPERIMENTS.format("team")}
    assert result.exit_code == 2, result.stderr
    assert "there is no Experiment" in result.stderr
    assert "shop" in result.stderr


def test_a_manifest_of_a_namespace_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    missing = {"message": 'namespaces "team" not found', "details": {"name": "team"}}
    answers = {("PATCH", EXPERIMENTS.format("team") + "/shop"): (404, missing)}
    with serving(answers) as server:
        wanted = Wanted(kubeconfig=Path(kubeconfig(tmp_path, server.url)))
        with pytest.raises(NotFound, match='namespaces "team" not found'):
            ClusterEngine(connect(wanted)).apply(ApplyRequest(MANIFEST))
