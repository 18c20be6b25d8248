"""Whom the plugin acts as: by the kubeconfig or by flags, with every single request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.apiserver.access import impersonation
from rowmill.cluster.failures import NoAccess
from tests.unit.cluster.fake_cluster import experiment
from tests.unit.kubectl.api_server import EXPERIMENTS, kubeconfig, run, serving

SHOP = EXPERIMENTS.format("team") + "/shop"
PODS = "/api/v1/namespaces/team/pods"
POD = {
    "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "status": {"phase": "Running"},
}
ANSWERS = {
    ("GET", EXPERIMENTS.format("team")): (200, {"items": [experiment("Complete")]}),
    ("GET", SHOP): (200, experiment("Complete")),
    ("PATCH", SHOP): (200, experiment()),
    ("GET", PODS): (200, {"items": [POD]}),
    ("GET", f"{PODS}/p/log"): (200, b"line\n"),
}
COMMANDS = [
    ["status"],
    ["status", "shop", "-w"],
    ["runs", "shop"],
    ["rerun", "shop"],
    ["logs", "shop"],
    ["logs", "shop", "-f"],
]
JANE = {
    "as": "jane@example.com",
    "as-uid": "4711",
    "as-groups": ["developers", "on call, really"],
    "as-user-extra": {"scopes": ["view", "edit"], "acme.com/project%": ["prüfstand"]},
}
FLAGS = [
    *("--as", "jane@example.com", "--as-uid", "4711"),
    *("--as-group", "developers", "--as-group", "on call, really"),
    *("--as-user-extra", "scopes=view", "--as-user-extra", "scopes=edit"),
    *("--as-user-extra", "acme.com/project%=prüfstand"),
]


def _acts_as_jane(headers: Any) -> bool:
    found = [(name, value) for name, value in headers.items() if name.startswith("Impersonate-")]
    return found == [
        ("Impersonate-User", "jane@example.com"),
        ("Impersonate-Uid", "4711"),
        ("Impersonate-Group", "developers"),
        ("Impersonate-Group", "on call, really"),
        ("Impersonate-Extra-scopes", "view"),
        ("Impersonate-Extra-scopes", "edit"),
        ("Impersonate-Extra-acme.com%2Fproject%25", "prüfstand".encode().decode("latin-1")),
    ]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("by_flags", [False, True], ids=["kubeconfig", "flags"])
def test_every_request_says_as_whom(
    command: list[str], by_flags: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowmill.cluster.logs._SECONDS", 0.1)
    user = {"token": "mine"} | ({} if by_flags else JANE)
    with serving(ANSWERS) as server:
        result = run(
            kubeconfig(tmp_path, server.url, user=user), *command, *(FLAGS if by_flags else [])
        )
        assert result.exit_code == 0, result.output
        assert server.asked
        for asked in server.asked:
            assert _acts_as_jane(asked.headers), asked


def test_nobody_else_is_acted_as_unasked(tmp_path: Path) -> None:
    with serving(ANSWERS) as server:
        assert run(kubeconfig(tmp_path, server.url), "status").exit_code == 0
        assert not [name for name in server.asked[0].headers if name.startswith("Impersonate")]


def test_a_flag_stands_in_place_of_its_field_alone(tmp_path: Path) -> None:
    """As with kubectl, where --as alone keeps the groups."""
    user = {"as": "jane", "as-groups": ["developers"]}
    with serving(ANSWERS) as server:
        result = run(kubeconfig(tmp_path, server.url, user=user), "status", "--as", "bob")
        assert result.exit_code == 0
        assert server.asked[0].headers["Impersonate-User"] == "bob"
        assert server.asked[0].headers.get_all("Impersonate-Group") == ["developers"]


@pytest.mark.parametrize("words", [["--as-group", "g"], ["--as-uid", "1"]])
def test_groups_without_a_user_are_refused_before_anything_is_asked(
    words: list[str], tmp_path: Path
) -> None:
    with serving(ANSWERS) as server:
        result = run(kubeconfig(tmp_path, server.url), "abort", "shop", *words)
        assert (result.exit_code, server.asked) == (2, [])
    assert "--as USER" in result.output


@pytest.mark.parametrize(
    "user",
    [
        {"as": "jane\r\nImpersonate-Group: system:masters"},
        {"as": "jane", "as-groups": ["a\nb"]},
        {"as": "jane", "as-user-extra": {"k": ["a\nb"]}},
    ],
)
def test_what_is_no_name_adds_no_header(user: dict[str, Any]) -> None:
    with pytest.raises(NoAccess):
        impersonation(user)


def test_an_extra_without_its_value_is_wrong_usage(tmp_path: Path) -> None:
    result = run(
        kubeconfig(tmp_path, "http://127.0.0.1:1"), "status", "--as", "a", "--as-user-extra", "k"
    )
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.output
