"""What is taken of a kubeconfig, by the rules of kubectl; what is not is refused by its name."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.apiserver.access import Access, access_of
from rowmill.cluster.apiserver.connection import Connection
from rowmill.cluster.apiserver.kubeconfig import Wanted, choose
from rowmill.cluster.apiserver.kubeconfig_fields import FIELDS, REFUSED
from rowmill.cluster.apiserver.proxies import proxy_for
from rowmill.cluster.failures import NoAccess
from tests.unit.kubectl.api_server import (
    EXPERIMENTS,
    LISTED,
    Answers,
    Server,
    document,
    kubeconfig,
    result_of,
    serving,
    unverified,
)
from tests.unit.kubectl.authority import SERVER_NAME, Authority

ANSWERS: Answers = {
    ("GET", EXPERIMENTS.format(place)): (200, {"items": []})
    for place in ("team", "elsewhere", "default", "own", "first")
}
SOMEWHERE = "https://cluster.example:6443"
V1 = "client.authentication.k8s.io/v1"


def _access(folder: Path, environ: dict[str, str] | None = None, **wanted: Any) -> Access:
    """What a command line leads to, with `folder` as home and as a pod's account."""
    environ = environ or {}
    return access_of(choose(Wanted(**wanted), environ, folder), environ, folder / "account")


def _write(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


# Which files, and what of them.


def test_of_several_files_the_first_word_on_each_name_counts(tmp_path: Path) -> None:
    first = document("https://first.example", "first")
    first["users"] = []
    second = document("https://second.example", "second", user={"token": "two"})
    second["current-context"] = "other"
    second["contexts"].append({"name": "more", "context": {"cluster": "c", "namespace": "more"}})
    listed = [
        tmp_path / "missing",
        _write(tmp_path / "a" / "config", first),
        _write(tmp_path / "empty", ""),
        _write(tmp_path / "b" / "config", second),
    ]
    environ = {"KUBECONFIG": os.pathsep.join(["", *map(str, listed)])}
    found = _access(tmp_path, environ)
    assert (found.server, found.namespace, found.token) == ("https://first.example", "first", "two")
    assert _access(tmp_path, environ, context="more").namespace == "more"


def test_without_the_variable_it_is_the_file_at_home(tmp_path: Path) -> None:
    _write(tmp_path / ".kube" / "config", document("https://home.example/"))
    assert _access(tmp_path).server == "https://home.example"


def test_the_variable_is_read_when_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(ANSWERS) as server:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, server.url))
        assert result_of(None).exit_code == 0
        assert server.paths() == [LISTED.format("team")]


def test_paths_are_relative_to_the_file_that_has_them(tmp_path: Path) -> None:
    entries = {"certificate-authority": "pki/ca.crt"}
    cluster = document(SOMEWHERE, cluster=entries) | {"users": []}
    names = {"client-certificate": "me.crt", "client-key": "me.key"}
    user = {"users": [{"name": "u", "user": names | {"tokenFile": "token"}}]}
    _write(tmp_path / "one" / "pki" / "ca.crt", "authority")
    _write(tmp_path / "two" / "me.crt", "certificate")
    _write(tmp_path / "two" / "me.key", "key")
    files = [_write(tmp_path / "one" / "c", cluster), _write(tmp_path / "two" / "c", user)]
    found = _access(tmp_path, {"KUBECONFIG": os.pathsep.join(map(str, files))})
    assert (found.authority, found.certificate) == (b"authority", (b"certificate", b"key"))
    assert found.token_file == tmp_path / "two" / "token"


def test_flags_choose_among_the_entries(tmp_path: Path) -> None:
    config = document(SOMEWHERE)
    config["clusters"].append({"name": "c2", "cluster": {"server": "https://second.example"}})
    config["users"].append({"name": "u2", "user": {"token": "two"}})
    file = _write(tmp_path / "config", config)
    found = _access(tmp_path, kubeconfig=file, cluster="c2", user="u2", namespace="given")
    assert (found.server, found.token, found.namespace) == (
        "https://second.example",
        "two",
        "given",
    )
    assert _access(tmp_path, kubeconfig=file, server="localhost:8001").server == (
        "http://localhost:8001"
    )
    assert _access(tmp_path, server="http://localhost:8001").namespace == "default"


def test_a_scheme_is_the_same_in_capitals(tmp_path: Path) -> None:
    """Its server would not be told who asks, nor be held to the authority."""
    cluster = {"proxy-url": "SOCKS5://proxy.example:1"}
    file = _write(tmp_path / "config", document("HTTPS://cluster.example/", cluster=cluster))
    found = _access(tmp_path, kubeconfig=file)
    assert (found.server, found.token) == ("https://cluster.example", "not-to-be-told")
    assert found.proxy == "socks5://proxy.example:1"


def test_within_a_pod_it_is_the_pods_own_account(tmp_path: Path) -> None:
    for name in ("token", "ca.crt"):
        _write(tmp_path / "account" / name, name)
    _write(tmp_path / "account" / "namespace", "own\n")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = _access(tmp_path, environ, as_user="jane")
    assert (found.server, found.namespace) == ("https://[fd00::1]:443", "own")
    assert (found.authority, found.token_file) == (b"ca.crt", tmp_path / "account" / "token")
    assert found.headers == (("Impersonate-User", "jane"),)
    _write(tmp_path / ".kube" / "config", document(SOMEWHERE))
    assert _access(tmp_path, environ).server == SOMEWHERE, "a kubeconfig goes before"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": {"auth-provider": {"name": "gcp"}}}, ("auth-provider", "'u'", "exec")),
        ({"user": {"impersonate-everybody": True}}, ("impersonate-everybody", "'u'")),
        ({"user": {"exec": {"command": "a", "sandbox": True}}}, ("sandbox", "'u'")),
        ({"cluster": {"api-version": "v1"}}, ("api-version", "'c'")),
        ({"cluster": {"proxy-url": "ftp://pw@proxy"}}, ("proxy-url", "socks5")),
        ({"cluster": {"server": "ftp://x"}}, ("server", "http")),
        ({"cluster": {"insecure-skip-tls-verify": "yes"}}, ("insecure-skip-tls-verify",)),
        ({"cluster": {"certificate-authority-data": "%"}}, ("certificate-authority-data",)),
        ({"cluster": {"certificate-authority": "gone.crt"}}, ("gone.crt",)),
        ({"user": {"client-certificate-data": "YQ=="}}, ("client-key",)),
        ({"user": {"token": "not-to-be-told", "username": "a"}}, ("token", "username")),
        ({"user": {"token": "not-to\nbe"}}, ("token",)),
        ({"user": {"tokenFile": "gone"}}, ("gone",)),
        ({"user": {"as-groups": ["a"]}}, ("as-groups", "--as")),
    ],
)
def test_what_is_not_taken_is_refused_by_its_name(
    change: dict[str, Any], words: tuple[str, ...], tmp_path: Path
) -> None:
    result = result_of(kubeconfig(tmp_path, SOMEWHERE, **change))
    assert result.exit_code == 2
    told = json.loads(result.stdout)["error"]["message"]
    assert [word for word in words if word not in told] == []
    assert "pw@proxy" not in told


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("token: not-to-be-told\n  - x: [", "line 2"),
        ("- a list", "no mapping"),
        ({"clusters": {"a": 1}}, "no list"),
        ({"users": 0}, "no list"),
        ({"current-context": 0}, "current-context is a number"),
        ({"clusters": [{"cluster": {}}]}, "no name"),
        ({"users": [{"name": "u", "user": {}}] * 2}, "twice"),
        ({"users": [{"name": "u", "user": "token"}]}, "no mapping"),
        (document(SOMEWHERE) | {"current-context": ""}, "main, other"),
        (document(SOMEWHERE) | {"users": []}, "no user 'u'"),
        (document(SOMEWHERE) | {"clusters": []}, "no cluster 'c'"),
        (document(""), "server"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_says_why(config: Any, words: str, tmp_path: Path) -> None:
    result = result_of(str(_write(tmp_path / "config", config)))
    assert result.exit_code == 2
    assert words in result.output


def test_without_any_it_says_where_one_would_be(tmp_path: Path) -> None:
    with pytest.raises(NoAccess, match=r"no pod of a cluster.*KUBECONFIG"):
        _access(tmp_path)


# What the server sees of it.


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"token": "old", "tokenFile": "token"}, "Bearer in the file"),
        ({"username": "me", "password": " two words "}, "Basic bWU6IHR3byB3b3JkcyA="),
        ({}, None),
    ],
)
def test_who_asks_is_told(
    user: dict[str, Any], authorization: str | None, secured: Server, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("in the file\n")
    assert result_of(unverified(tmp_path, secured, user=user)).exit_code == 0
    assert secured.asked[0].headers["Authorization"] == authorization


@pytest.mark.parametrize(
    "user", [{"token": "t"}, {"username": "me"}, {"exec": {"command": "false", "apiVersion": V1}}]
)
def test_nothing_secret_goes_in_the_clear(user: dict[str, Any], tmp_path: Path) -> None:
    with serving(ANSWERS) as server:
        assert result_of(kubeconfig(tmp_path, server.url, user=user)).exit_code == 0
        assert "Authorization" not in server.asked[0].headers


def test_a_token_file_is_read_again_for_each_request(tmp_path: Path) -> None:
    file = _write(tmp_path / "token", "one")
    with serving(ANSWERS) as server:
        connection = Connection(Access(server.url, "team", token_file=file))
        for token in ("one", "two"):
            file.write_text(token)
            connection.request("GET", "/", {}, None, 60)
        told = [asked.headers["Authorization"] for asked in server.asked]
    assert told == ["Bearer one", "Bearer two"]


def test_no_other_place_is_given_what_is_meant_for_the_server(tmp_path: Path) -> None:
    """A sign-in page in front of it redirects."""
    answers = {("GET", EXPERIMENTS.format("team")): (302, b"<html>")}
    with serving(answers) as server:
        result = result_of(kubeconfig(tmp_path, server.url))
        assert (result.exit_code, len(server.asked)) == (3, 1)
    assert "302" in json.loads(result.stdout)["error"]["message"]


def test_a_request_that_is_cut_off_is_not_sent_again(tmp_path: Path) -> None:
    with serving({("GET", EXPERIMENTS.format("team")): (0, None)}) as server:
        result = result_of(kubeconfig(tmp_path, server.url))
        assert (result.exit_code, len(server.asked)) == (4, 1)


def _in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("cluster", "code"),
    [
        ({"certificate-authority": "ca.crt", "tls-server-name": SERVER_NAME}, 0),
        ({"insecure-skip-tls-verify": True}, 0),
        ({"certificate-authority": "ca.crt"}, 4),
        ({"tls-server-name": SERVER_NAME}, 4),
    ],
    ids=["by its other name", "unverified", "by a wrong name", "of an unknown authority"],
)
def test_a_server_is_trusted_as_the_cluster_says(
    cluster: dict[str, Any], code: int, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    me = authority.pair("me")
    user = {
        "client-certificate-data": _in_base64(me.certificate),
        "client-key-data": _in_base64(me.key),
    }
    with serving(ANSWERS, authority.serving(tmp_path)) as server:
        result = result_of(kubeconfig(tmp_path, server.url, cluster=cluster, user=user))
    assert result.exit_code == code, result.output
    assert not list(tmp_path.glob("**/certificate.pem"))


def test_without_its_certificate_a_client_is_not_let_in(
    authority: Authority, tmp_path: Path
) -> None:
    cluster = {"insecure-skip-tls-verify": True}
    with serving(ANSWERS, authority.serving(tmp_path)) as server:
        result = result_of(kubeconfig(tmp_path, server.url, cluster=cluster))
    assert result.exit_code == 4


@pytest.mark.parametrize("key", [b"no key", None], ids=["no key", "another's key"])
def test_a_key_that_is_no_good_is_told_without_it(
    key: bytes | None, authority: Authority, tmp_path: Path
) -> None:
    key = key or authority.pair("other").key
    user = {
        "client-certificate-data": _in_base64(authority.pair("me").certificate),
        "client-key-data": _in_base64(key),
    }
    result = result_of(kubeconfig(tmp_path, SOMEWHERE, user=user))
    assert result.exit_code == 2
    assert "client certificate" in result.output


# Proxies.


def test_a_proxy_of_the_cluster_goes_before_all_others(tmp_path: Path) -> None:
    with serving(ANSWERS) as proxy:
        file = kubeconfig(tmp_path, "http://cluster.invalid", cluster={"proxy-url": proxy.url})
        environ = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "cluster.invalid"}
        assert result_of(file, **environ).exit_code == 0
        assert proxy.paths() == ["http://cluster.invalid" + LISTED.format("team")]


def test_a_socks_proxy_without_its_package_says_which(tmp_path: Path) -> None:
    cluster = {"proxy-url": "socks5://127.0.0.1:1"}
    result = result_of(kubeconfig(tmp_path, SOMEWHERE, cluster=cluster))
    assert result.exit_code == 2
    assert "pip install pysocks" in result.output


@pytest.mark.parametrize(
    ("server", "no_proxy", "found"),
    [
        (SOMEWHERE, "", "http://proxy:1"),
        ("http://cluster.example", "", "http://plain:2"),
        ("https://localhost:6443", "", None),
        ("https://127.0.0.2:6443", "", None),
        ("https://[::1]:6443", "", None),
        (SOMEWHERE, "*", None),
        (SOMEWHERE, "other, cluster.example", None),
        (SOMEWHERE, "example", None),
        (SOMEWHERE, ".example", None),
        (SOMEWHERE, ".cluster.example", "http://proxy:1"),
        (SOMEWHERE, "ter.example", "http://proxy:1"),
        (SOMEWHERE, "cluster.example:6443", None),
        (SOMEWHERE, "cluster.example:443", "http://proxy:1"),
        ("https://10.1.2.3", "10.0.0.0/8", None),
        ("https://10.1.2.3", "10.1.2.3:443", None),
        ("https://10.1.2.3", "11.0.0.0/8,2.3", "http://proxy:1"),
        ("https://[fd00::1]:6443", "[fd00::1]", None),
    ],
)
def test_the_environments_proxy_is_gos(server: str, no_proxy: str, found: str | None) -> None:
    environ = {
        "HTTPS_PROXY": "proxy:1",
        "https_proxy": "http://lower:3",
        "http_proxy": "http://plain:2",
        "ALL_PROXY": "http://all:4",
        "no_proxy": no_proxy,
    }
    assert proxy_for(server, environ) == found


# What the page says.


def test_every_field_is_in_the_page_on_kubernetes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "kubernetes.md").read_text()
    table = page.partition("| of the kubeconfig |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([a-zA-Z-]+)`", table))
    by_words = {"certificate-authority", "client-certificate", "client-key"}
    by_words |= {f"{name}-data" for name in by_words} | {"server", "cluster", "user"}
    known = set().union(*FIELDS.values()) | set(REFUSED)
    assert known - by_words - told == set()
