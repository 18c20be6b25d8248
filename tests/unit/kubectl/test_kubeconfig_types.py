"""The types of a kubeconfig's fields: what kubectl refuses is refused by its name, unshown."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.apiserver.access import Access, access_of
from rowmill.cluster.apiserver.kubeconfig import Wanted, choose
from rowmill.cluster.failures import NoAccess
from tests.unit.kubectl.api_server import Server, kubeconfig, result_of, unverified

SOMEWHERE = "https://cluster.example:6443"
KUBECTL = Path(sys.executable).with_name("kubectl")
FILE = """
current-context: main
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1", {cluster}}}}}]
users: [{{name: u, user: {{{user}}}}}]
contexts: [{{name: main, context: {{cluster: c, user: u, {context}}}}}, {more}]
"""


def _file(
    folder: Path, *, user: str = "", cluster: str = "", context: str = "", more: str = ""
) -> Path:
    file = folder / "kubeconfig"
    file.write_text(FILE.format(user=user, cluster=cluster, context=context, more=more))
    return file


def _access(file: Path) -> Access:
    return access_of(choose(Wanted(kubeconfig=file), {}, file.parent), {})


REFUSED = [
    ({"user": "token: 0123"}, "'u': token is a number"),
    ({"user": "token: 1e3"}, "'u': token is a number"),
    ({"user": "token: 99999999999999999999"}, "'u': token is a number"),
    ({"user": "token: y"}, "'u': token is a boolean"),
    ({"user": "token: [a]"}, "'u': token is a list"),
    ({"user": "as: 007"}, "'u': as is a number"),
    ({"user": "as: a, as-groups: [ok, 1]"}, "as-groups[1] is a number"),
    ({"user": "as: a, as-groups: b"}, "as-groups is text"),
    ({"user": "as: a, as-user-extra: {k: b}"}, "as-user-extra.k is text"),
    ({"user": "as: a, as-user-extra: [k]"}, "as-user-extra is a list"),
    ({"user": "client-key-data: 1234"}, "client-key-data is a number"),
    ({"user": "exec: a"}, "exec is text"),
    ({"user": "exec: {command: sign-in, args: a}"}, "'sign-in'): args is text"),
    ({"user": "exec: {command: sign-in, args: [1]}"}, "'sign-in'): args[0] is a number"),
    ({"user": "exec: {command: sign-in, env: {A: b}}"}, "'sign-in'): env is a mapping"),
    ({"user": "exec: {command: sign-in, env: [A]}"}, "'sign-in'): env[0] is text"),
    ({"user": "exec: {command: sign-in, env: [{name: A, value: 1}]}"}, "env[0].value is a number"),
    ({"user": "exec: {command: sign-in, provideClusterInfo: maybe}"}, "neither true nor false"),
    ({"cluster": "extensions: [a]"}, "extensions[0] is text"),
    ({"cluster": "insecure-skip-tls-verify: 1"}, "neither true nor false"),
    ({"context": "namespace: 12345"}, "'main': namespace is a number"),
    ({"more": "{name: 7, context: {}}"}, "the name of an entry of contexts is a number"),
    ({"more": "{name: other, context: {namespace: 7}}"}, "'other': namespace is a number"),
]
TAKEN = [
    ("token: 2026-01-01", "2026-01-01"),
    ("token: 1:30:20", "1:30:20"),
    ("token: ~", None),
    ("token: !!str 0123", "0123"),
]


@pytest.mark.parametrize(("entries", "words"), REFUSED, ids=str)
def test_what_is_not_text_is_refused_by_its_name(
    entries: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(NoAccess) as told:
        _access(_file(tmp_path, **entries))
    assert words in str(told.value)
    assert not {"0123", "83", "1e3", "1234", "99999999999999999999"} & set(str(told.value).split())


@pytest.mark.parametrize(("user", "token"), TAKEN)
def test_what_kubectl_reads_as_text_is_text(user: str, token: str | None, tmp_path: Path) -> None:
    chosen = choose(Wanted(kubeconfig=_file(tmp_path, user=user)), {}, tmp_path)
    assert chosen.user.get("token") == token


def test_a_mapping_may_be_merged_into_another(tmp_path: Path) -> None:
    file = _file(tmp_path, user="<<: {as: jane, as-uid: one}, as-uid: two")
    chosen = choose(Wanted(kubeconfig=file), {}, tmp_path)
    assert chosen.user == {"as": "jane", "as-uid": "two"}


@pytest.mark.parametrize("tag", ["int", "float", "bool", "timestamp"])
def test_a_tag_does_not_show_the_value(tag: str, tmp_path: Path) -> None:
    """PyYAML's own readers of these raise errors with the value in them."""
    result = result_of(str(_file(tmp_path, user=f"token: !!{tag} not-to-be-told")))
    assert "Traceback" not in result.output


@pytest.mark.parametrize("entries", [entries for entries, _ in REFUSED], ids=str)
def test_kubectl_judges_alike(entries: dict[str, str], tmp_path: Path) -> None:
    assert "cannot unmarshal" in _kubectl(_file(tmp_path, **entries))


def test_kubectl_takes_the_same_for_text(tmp_path: Path) -> None:
    users = ", ".join(
        f"{{name: u{number}, user: {{{one}}}}}" for number, (one, _) in enumerate(TAKEN)
    )
    file = _file(tmp_path)
    file.write_text(file.read_text().replace("users: [", f"users: [{users}, "))
    assert "was refused" in _kubectl(file), "the connection, by who is not there"


def _kubectl(file: Path) -> str:
    return subprocess.run(
        [str(KUBECTL), "--kubeconfig", str(file), "get", "--raw", "/"],
        capture_output=True,
        text=True,
        check=False,
    ).stderr


# Data.


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_data_may_have_lines(end: str, tmp_path: Path) -> None:
    data = base64.encodebytes(bytes(range(200))).decode().replace("\n", end)
    file = kubeconfig(tmp_path, SOMEWHERE, cluster={"certificate-authority-data": data})
    assert _access(Path(file)).authority == bytes(range(200))


def test_a_path_is_told_once(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, SOMEWHERE, cluster={"certificate-authority": "gone.crt"})
    with pytest.raises(NoAccess) as told:
        _access(Path(file))
    assert str(told.value).count("gone.crt") == 1


# The variables of a plugin.


def test_a_variable_without_a_value_is_empty(secured: Server, tmp_path: Path) -> None:
    answer = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": "is[$A]"},
    }
    plugin = {
        "apiVersion": answer["apiVersion"],
        "command": "sh",
        "args": ["-c", f"cat <<END\n{json.dumps(answer)}\nEND"],
        "env": [{"name": "A"}],
        "interactiveMode": "Never",
    }
    file = unverified(tmp_path, secured, user={"exec": plugin})
    assert result_of(file, A="before").exit_code == 0
    assert secured.asked[0].headers["Authorization"] == "Bearer is[]"


@pytest.mark.parametrize("env", [{"name": "A=not-to-be-told"}, {"name": "A", "value": "told\0"}])
def test_a_variable_that_none_can_be_given_is_told(env: Any, tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "true",
        "env": [env],
        "interactiveMode": "Never",
    }
    result = result_of(kubeconfig(tmp_path, SOMEWHERE, user={"exec": plugin}))
    assert result.exit_code == 2
    assert "'true' cannot be run" in json.loads(result.stdout)["error"]["message"]
