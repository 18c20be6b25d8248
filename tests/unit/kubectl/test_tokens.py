"""Secrets that cannot be sent as they stand: refused by where they are from, and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.apiserver.access import access_of
from rowmill.cluster.apiserver.kubeconfig import Wanted, choose
from tests.unit.kubectl.api_server import Server, kubeconfig, result_of, unverified

V1 = "client.authentication.k8s.io/v1"
SOMEWHERE = "https://cluster.example:6443"
# No header can hold them: of two lines, and with what Latin-1 lacks, or has beyond ASCII.
BAD = ["not-to-be\ntold", "not-to-be-told €", "not-to-be-töld", "not-to-be\x00told"]


def _plugin(token: str) -> dict[str, Any]:
    answer = {"kind": "ExecCredential", "apiVersion": V1, "status": {"token": token}}
    return {
        "apiVersion": V1,
        "command": "printf",
        "args": ["%s", json.dumps(answer)],
        "interactiveMode": "Never",
    }


def _refused(file: str, *words: str, **environ: str) -> str:
    """The message of wrong usage, in which and beside which no secret is."""
    result = result_of(file, *words, **environ)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not [part for part in ("not-to", "told", "töld") if part in result.output]
    return str(json.loads(result.stdout)["error"]["message"])


@pytest.mark.parametrize("token", BAD, ids=ascii)
def test_a_plugins_token_is_not_shown(token: str, secured: Server, tmp_path: Path) -> None:
    said = _refused(unverified(tmp_path, secured, user={"exec": _plugin(token)}))
    assert "credential plugin 'printf'" in said
    assert secured.asked == []


@pytest.mark.parametrize("token", BAD, ids=ascii)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_token_files_content_is_not_shown(
    token: str, encoding: str, secured: Server, tmp_path: Path
) -> None:
    (tmp_path / "token").write_bytes(token.encode(encoding))
    said = _refused(unverified(tmp_path, secured, user={"tokenFile": "token"}))
    assert f"token file {tmp_path / 'token'}" in said
    assert secured.asked == []


@pytest.mark.parametrize("token", BAD, ids=ascii)
def test_a_kubeconfigs_token_is_not_shown(token: str, tmp_path: Path) -> None:
    assert "token" in _refused(kubeconfig(tmp_path, SOMEWHERE, user={"token": token}))


def test_an_empty_token_file_makes_nobody_of_the_caller(secured: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert "empty" in _refused(unverified(tmp_path, secured, user={"tokenFile": "token"}))
    assert secured.asked == []


def test_the_space_around_a_token_is_none_of_it(secured: Server, tmp_path: Path) -> None:
    assert result_of(unverified(tmp_path, secured, user={"exec": _plugin(" t\n")})).exit_code == 0
    assert secured.asked[0].headers["Authorization"] == "Bearer t"


# The URL of a server or a proxy.


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://us:not-to-be-told@127.0.0.1:1", "user in its URL"),
        ("us:not-to-be-told@127.0.0.1:1", "user in its URL"),
        ("ftp://us:not-to-be-told@127.0.0.1:1", "no http or https URL"),
        ("https://us:not-to-be-told/x@127.0.0.1:1", "no http or https URL"),
        ("https://us:not-to-be-told@[::1", "no http or https URL"),
        ("https://127.0.0.1:1/?key=not-to-be-told", "scheme, host, port and path"),
        ("https://127.0.0.1:not-to-be-told", "no http or https URL"),
        ("https://us:not-to-be-told@[::g]:1", "no http or https URL"),
    ],
)
@pytest.mark.parametrize("by_flag", [False, True], ids=["kubeconfig", "--server"])
def test_the_password_of_a_server_is_not_shown(
    url: str, words: str, by_flag: bool, tmp_path: Path
) -> None:
    file = kubeconfig(tmp_path, SOMEWHERE if by_flag else url, user={})
    assert words in _refused(file, *(["--server", url] if by_flag else []))


@pytest.mark.parametrize(
    "url",
    [
        "http://us:not-to-be-told/x@127.0.0.1:1",
        "ftp://us:not-to-be-told@127.0.0.1:1",
        "http://us:not-to-be-told@",
        "http://us:not-to-be-told@[::g]:1",
        "socks5://us:not-to-be-told@host:123456",
    ],
)
def test_the_password_of_a_proxy_is_not_shown(url: str, tmp_path: Path) -> None:
    by_field = kubeconfig(tmp_path, SOMEWHERE, cluster={"proxy-url": url}, user={})
    assert "proxy-url" in _refused(by_field)
    by_environ = kubeconfig(tmp_path, SOMEWHERE, user={})
    assert "HTTPS_PROXY" in _refused(by_environ, HTTPS_PROXY=url, NO_PROXY="")


def test_a_proxy_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = "http://us:not-to-be-told@127.0.0.1:1"
    file = kubeconfig(tmp_path, SOMEWHERE, cluster={"proxy-url": url}, user={})
    result = result_of(file)
    assert (result.exit_code, "not-to" in result.output) == (4, False)
    assert "not-to" not in repr(access_of(choose(Wanted(kubeconfig=Path(file)), {}, tmp_path), {}))
