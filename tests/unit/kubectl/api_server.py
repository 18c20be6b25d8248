"""An API server that speaks HTTP, and kubeconfigs that lead to it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from typer.testing import CliRunner

from rowmill.kubectl.app import app

EXPERIMENTS = "/apis/rowmill.dev/v1alpha1/namespaces/{}/experiments"
# As they are listed.
LISTED = EXPERIMENTS + "?limit=100"

Answers = Mapping[tuple[str, str], tuple[int, Any]]


@dataclass(frozen=True)
class Asked:
    """A request, as the server or a proxy was asked it."""

    method: str
    path: str
    headers: Any
    body: Any


class Server(ThreadingHTTPServer):
    """Answers by (method, path without query); anything else is 404 as of an unknown kind.

    Whose Authorization is not among `known` is told 401; None lets everybody in. A status of 0 cuts
    the connection off.
    """

    def __init__(self, answers: Answers, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked: list[Asked] = []
        self.known: set[str] | None = None
        self._scheme = "http" if context is None else "https"
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_port}"

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def heed(self, asked: Asked) -> None:
        """Do about a request, before it is answered, what a cluster would."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that the client breaks off is no fault."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_PATCH(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_DELETE(self) -> None:
        self.do_PATCH()

    def _answer(self, body: Any) -> None:
        # A proxy is asked for the whole address.
        path = self.path.removeprefix("http://cluster.invalid").partition("?")[0]
        asked = Asked(self.command, self.path, self.headers, body)
        self.server.asked.append(asked)
        self.server.heed(asked)
        unknown = {"message": "the server could not find the requested resource"}
        status, answer = self.server.answers.get((self.command, path), (404, unknown))
        known = self.server.known
        if known is not None and self.headers["Authorization"] not in known:
            status, answer = 401, {"message": "Unauthorized"}
        if status == 0:
            self.close_connection = True
            return
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests read standard error."""


@contextmanager
def serving(
    answers: Answers, context: ssl.SSLContext | None = None, kind: type[Server] = Server
) -> Iterator[Server]:
    """Serve these answers, by TLS with a `context`."""
    server = kind(answers, context)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def document(
    url: str,
    namespace: str | None = "team",
    *,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A kubeconfig with two contexts; `cluster` adds to its cluster, `user` is its user."""
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": url, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": "not-to-be-told"} if user is None else user}],
        "contexts": [
            {"name": "main", "context": context},
            {"name": "other", "context": {"cluster": "c", "user": "u", "namespace": "elsewhere"}},
        ],
    }


def kubeconfig(folder: Path, url: str, namespace: str | None = "team", **entries: Any) -> str:
    """A file with `document`."""
    file = folder / "kubeconfig"
    file.write_text(json.dumps(document(url, namespace, **entries)))
    return str(file)


def run(kubeconfig: str | None, *words: str, **environ: str) -> Any:
    """Run the plugin; without a kubeconfig by what `environ` says."""
    given = ["--kubeconfig", kubeconfig] if kubeconfig else []
    return CliRunner().invoke(app, [*words, *given], env=environ)


def unverified(folder: Path, server: Server, **entries: Any) -> str:
    """A file that leads to a server by TLS, and asks nobody who it is."""
    cluster = {"insecure-skip-tls-verify": True, **entries.pop("cluster", {})}
    return kubeconfig(folder, server.url, cluster=cluster, **entries)


def result_of(kubeconfig: str | None, *words: str, **environ: str) -> Any:
    """What `status -o json` comes to, which tells no secret."""
    result = run(kubeconfig, "status", "-o", "json", *words, **environ)
    assert "not-to-be-told" not in result.output
    return result
