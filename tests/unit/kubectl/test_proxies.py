"""Proxies on the way to a server: what they are told, and what the server is told through them."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.unit.kubectl.api_server import (
    EXPERIMENTS,
    LISTED,
    Answers,
    Server,
    kubeconfig,
    result_of,
    serving,
    unverified,
)

PATH = EXPERIMENTS.format("team")
ANSWERS: Answers = {("GET", PATH): (200, {"items": []})}
# As in a URL, and as they are.
WRITTEN, PLAIN = "us%40er:p%3Ass%2Fword%C3%BC", "us@er:p:ss/wordü"
BASIC = f"Basic {base64.b64encode(PLAIN.encode()).decode()}"


class _Tunnel(BaseHTTPRequestHandler):
    """Leads to a server whoever says the right words, and nobody else."""

    def do_CONNECT(self) -> None:
        if self.headers["Proxy-Authorization"] != BASIC:
            self.send_error(407)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            self.send_response(200)
            self.end_headers()
            back = Thread(target=_pass_on, args=(server, self.connection))
            back.start()
            _pass_on(self.connection, server)
            back.join()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests read standard error."""


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        """The other side has left."""


@contextmanager
def _asking_proxy() -> Iterator[int]:
    """The port of a proxy that asks who is there."""
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _Tunnel)
    Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield proxy.server_port
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize(("user", "code"), [(f"{WRITTEN}@", 0), ("us%40er:wrong@", 4), ("", 4)])
def test_a_proxy_that_asks_is_told_who_is_there(
    user: str, code: int, secured: Server, tmp_path: Path
) -> None:
    with _asking_proxy() as port:
        cluster = {"proxy-url": f"http://{user}127.0.0.1:{port}"}
        result = result_of(unverified(tmp_path, secured, cluster=cluster))
    assert result.exit_code == code, result.output
    assert ["Proxy-Authorization" in asked.headers for asked in secured.asked] == [False][code:]


@pytest.mark.parametrize("by_environ", [False, True], ids=["proxy-url", "HTTP_PROXY"])
def test_a_proxy_that_reads_along_is_told_who_is_there(by_environ: bool, tmp_path: Path) -> None:
    with serving(ANSWERS) as proxy:
        url = proxy.url.replace("//", f"//{WRITTEN}@")
        cluster = {} if by_environ else {"proxy-url": url}
        file = kubeconfig(tmp_path, "http://cluster.invalid", cluster=cluster)
        environ = {"HTTP_PROXY": url, "NO_PROXY": ""} if by_environ else {}
        assert result_of(file, **environ).exit_code == 0
        assert [asked.headers["Proxy-Authorization"] for asked in proxy.asked] == [BASIC]


def test_through_a_proxy_each_group_has_its_own_header(tmp_path: Path) -> None:
    """Joined they would be one group of another name."""
    user = {"as": "jane", "as-groups": ["a", "b c"], "as-user-extra": {"k": ["x", "y"]}}
    with serving(ANSWERS) as proxy:
        cluster = {"proxy-url": proxy.url}
        file = kubeconfig(tmp_path, "http://cluster.invalid", cluster=cluster, user=user)
        assert result_of(file).exit_code == 0
        (asked,) = proxy.asked
    assert asked.headers.get_all("Impersonate-Group") == ["a", "b c"]
    assert asked.headers.get_all("Impersonate-Extra-k") == ["x", "y"]
    assert asked.headers.get_all("Host") == ["cluster.invalid"]
    assert asked.path == "http://cluster.invalid" + LISTED.format("team")
