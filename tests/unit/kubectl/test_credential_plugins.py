"""Credential plugins: how they are asked, what is taken of their word, and what of none is told."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from rowmill.cluster.apiserver.access import access_of
from rowmill.cluster.apiserver.connection import Connection
from rowmill.cluster.apiserver.kubeconfig import Wanted, choose
from tests.unit.kubectl.api_server import (
    EXPERIMENTS,
    Answers,
    Server,
    kubeconfig,
    result_of,
    serving,
    unverified,
)
from tests.unit.kubectl.authority import Authority

ANSWERS: Answers = {("GET", EXPERIMENTS.format("team")): (200, {"items": []})}
V1 = "client.authentication.k8s.io/v1"

PLUGIN = """
import json, os, sys
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
with open(sys.argv[1], "a") as log:
    print(json.dumps([asked, os.environ.get("FLAVOUR"), sys.stdin.isatty(), os.getcwd()]), file=log)
tries = len(open(sys.argv[1]).readlines())
status = json.loads(os.environ["STATUS"].replace("TRIES", str(tries)))
print(json.dumps({"kind": "ExecCredential", "apiVersion": asked["apiVersion"], "status": status}))
"""


def _plugin(folder: Path, status: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A user whose plugin answers with this status, and writes down what it was asked."""
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "bin").mkdir()
    program = folder / "bin" / "sign-in"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} {shlex.quote(str(folder / "plugin.py"))} "$@"\n',
    )
    program.chmod(0o755)
    env = {"FLAVOUR": "vanilla", "STATUS": json.dumps(status)}
    return {
        "exec": {
            "apiVersion": V1,
            "command": "./bin/sign-in",
            "args": [str(folder / "log")],
            "env": [{"name": name, "value": value} for name, value in env.items()],
            "interactiveMode": "IfAvailable",
            **fields,
        }
    }


def _told(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


def _known(server: Server, token: str) -> None:
    server.known = {f"Bearer {token}"}


def test_a_plugin_signs_in(secured: Server, tmp_path: Path) -> None:
    user = _plugin(tmp_path, {"token": "mine"}, provideClusterInfo=True)
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    _known(secured, "mine")
    file = unverified(tmp_path, secured, user=user, cluster={"extensions": [extension]})
    assert result_of(file).exit_code == 0
    ((asked, flavour, interactive, folder),) = _told(tmp_path)
    assert asked == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {
                "server": secured.url,
                "insecure-skip-tls-verify": True,
                "config": {"audience": "x"},
            },
        },
    }
    assert (flavour, interactive, folder) == ("vanilla", False, os.getcwd())


def test_a_plugin_may_sign_in_by_a_certificate(authority: Authority, tmp_path: Path) -> None:
    me = authority.pair("me")
    pair = {"clientCertificateData": me.certificate.decode(), "clientKeyData": me.key.decode()}
    cluster = {"insecure-skip-tls-verify": True}
    with serving(ANSWERS, authority.serving(tmp_path)) as server:
        file = kubeconfig(tmp_path, server.url, user=_plugin(tmp_path, pair), cluster=cluster)
        assert result_of(file).exit_code == 0


@pytest.mark.parametrize(
    "status", [{"token": "TRIES"}, {"token": "2", "expirationTimestamp": "2020-01-01T00:00:00Z"}]
)
def test_a_plugin_signs_in_again_when_its_word_is_over(
    status: dict[str, Any], secured: Server, tmp_path: Path
) -> None:
    """As the server says, or as the plugin said itself."""
    _known(secured, "2")
    file = unverified(tmp_path, secured, user=_plugin(tmp_path, status))
    chosen = choose(Wanted(kubeconfig=Path(file)), {}, tmp_path)
    connection = Connection(access_of(chosen, {}))
    for _ in range(2):
        path = EXPERIMENTS.format("team")
        assert connection.request("GET", path, {}, None, 60).status == 200
    assert len(_told(tmp_path)) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"command": "no-such-program", "installHint": "get it at example"}, "get it at example"),
        ({"command": "false"}, "exit code 1"),
        ({"command": "true"}, "ExecCredential"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "apiVersions"),
        ({"interactiveMode": None}, "interactiveMode"),
        ({"interactiveMode": "Always"}, "terminal"),
    ],
)
def test_a_plugin_that_is_no_good_is_told(
    fields: dict[str, Any], words: str, secured: Server, tmp_path: Path
) -> None:
    """The client of before went on as nobody."""
    user = _plugin(tmp_path, {"token": "not-to-be-told"}, **fields)
    result = result_of(unverified(tmp_path, secured, user=user))
    assert (result.exit_code, secured.asked) == (2, [])
    assert words in result.output


@pytest.mark.parametrize(
    "status", [{}, {"clientKeyData": "k"}, {"token": "t", "clientKeyData": "k"}, {"token": 7}]
)
def test_half_an_answer_of_a_plugin_is_none(
    status: dict[str, Any], secured: Server, tmp_path: Path
) -> None:
    result = result_of(unverified(tmp_path, secured, user=_plugin(tmp_path, status)))
    assert (result.exit_code, secured.asked) == (2, [])


@pytest.mark.parametrize("end", ["2026-01-01T00:00:00", "tomorrow", "", 7])
def test_a_time_that_nobody_knows_is_refused(end: Any, secured: Server, tmp_path: Path) -> None:
    user = _plugin(tmp_path, {"token": "t", "expirationTimestamp": end})
    result = result_of(unverified(tmp_path, secured, user=user))
    assert (result.exit_code, secured.asked) == (2, [])
    assert "expirationTimestamp" in json.loads(result.stdout)["error"]["message"]


def test_beside_a_certificate_no_plugin_is_run(authority: Authority, tmp_path: Path) -> None:
    me = authority.pair("me")
    pair = {"client-certificate": me.certificate, "client-key": me.key}
    for name, content in pair.items():
        (tmp_path / name).write_bytes(content)
    user = _plugin(tmp_path, {"token": "t"}) | {name: name for name in pair}
    with serving(ANSWERS, authority.serving(tmp_path)) as server:
        file = unverified(tmp_path, server, user=user)
        assert result_of(file).exit_code == 0
        kubectl = str(Path(sys.executable).with_name("kubectl"))
        path = EXPERIMENTS.format("team")
        theirs = [kubectl, "--kubeconfig", file, "get", "--raw", path]
        subprocess.run(theirs, capture_output=True, check=True)
        assert [asked.headers["Authorization"] for asked in server.asked] == [None, None]
    assert not (tmp_path / "log").exists()


@contextmanager
def _typed(text: bytes) -> Iterator[None]:
    """Standard input, with something to be read."""
    before, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, text)
    os.close(writing)
    os.dup2(reading, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)


def test_a_plugin_that_may_not_ask_reads_nothing(secured: Server, tmp_path: Path) -> None:
    answer = {"kind": "ExecCredential", "apiVersion": V1, "status": {"token": "read[TYPED]"}}
    script = f"sed s/TYPED/$(cat)/ <<END\n{json.dumps(answer)}\nEND"
    plugin = {"apiVersion": V1, "command": "sh", "args": ["-c", script], "interactiveMode": "Never"}
    with _typed(b"meant-for-another"):
        assert result_of(unverified(tmp_path, secured, user={"exec": plugin})).exit_code == 0
    assert secured.asked[0].headers["Authorization"] == "Bearer read[]"


def test_several_threads_sign_in_once(secured: Server, tmp_path: Path) -> None:
    """At first, and after the server has refused what all of them had."""
    barrier = Barrier(4)
    file = unverified(tmp_path, secured, user=_plugin(tmp_path, {"token": "TRIES"}))
    connection = Connection(access_of(choose(Wanted(kubeconfig=Path(file)), {}, tmp_path), {}))

    def ask(_: int) -> int:
        barrier.wait()
        return connection.request("GET", EXPERIMENTS.format("team"), {}, None, 60).status

    with ThreadPoolExecutor(4) as threads:
        for tries in (1, 2):
            _known(secured, str(tries))
            assert list(threads.map(ask, range(4))) == [200] * 4
            assert len(_told(tmp_path)) == tries
