"""The plugin and kubectl itself, by one kubeconfig and the same flags: both ask as the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kubectl.api_server import (
    EXPERIMENTS,
    LISTED,
    Answers,
    Asked,
    document,
    kubeconfig,
    run,
    serving,
)
from tests.unit.kubectl.authority import Authority

PATH = EXPERIMENTS.format("team")
KUBECTL = Path(sys.executable).with_name("kubectl")


@pytest.mark.parametrize(
    ("user", "flags"),
    [
        ({"token": "t", "as": "jane", "as-groups": ["a", "b c"], "as-uid": "1"}, []),
        (
            {
                "token": "t",
                "as": "jane",
                "as-user-extra": {"scopes": ["x", "y"], "acme.com/p%": ["ä b"]},
            },
            [],
        ),
        ({"token": "t", "as": "jane", "as-groups": ["a"]}, ["--as", "bob"]),
        ({"token": "t", "as": "jane", "as-groups": ["a"]}, ["--as-group", "b", "--as-group", "c"]),
        ({"token": "t"}, ["--as", "bob", "--as-uid", "7", "--as-user-extra", "k=v"]),
        ({"token": "old", "tokenFile": "token"}, []),
        ({"username": "me", "password": " two words "}, []),
        ({"token": "t", "as-groups": ["a"]}, []),
        ({"token": "t"}, ["--user", "nobody"]),
        ({"token": "t"}, ["--context", "unknown"]),
        ({"token": "t", "username": "me"}, []),
    ],
    ids=str,
)
def test_both_ask_as_the_same(
    user: dict[str, Any], flags: list[str], authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("in the file\n")
    cluster = {"insecure-skip-tls-verify": True}
    answers: Answers = {("GET", PATH): (200, {"items": []})}
    with serving(answers, authority.serving(tmp_path, of_clients=False)) as server:
        file = kubeconfig(tmp_path, server.url, user=user, cluster=cluster)
        ours = run(file, "status", *flags).exit_code
        first = [_who(asked) for asked in server.asked]
        server.asked.clear()
        theirs = _kubectl("--kubeconfig", file, "get", "--raw", PATH, *flags)
        assert [_who(asked) for asked in server.asked] == first
    assert (ours == 0) == (theirs == 0)


def test_both_take_the_same_of_several_files(tmp_path: Path) -> None:
    names = []
    with serving({}) as one, serving({}) as two:
        for number, server in enumerate((one, two)):
            config = document(server.url, f"team{number}", user={"as": f"user{number}"})
            if number == 0:
                del config["current-context"], config["users"]
            else:
                config["current-context"] = "other"
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "config").write_text(str(config))
            names.append(str(folder / "config"))
        environ = {"KUBECONFIG": os.pathsep.join(names)}
        run(None, "status", **environ)
        _kubectl("get", "--raw", LISTED.format("elsewhere"), **environ)
        ours, theirs = one.asked
        assert (_who(ours), ours.path) == (_who(theirs), theirs.path)
        assert two.asked == []


def _kubectl(*words: str, **environ: str) -> int:
    return subprocess.run(
        [str(KUBECTL), *words], env={**os.environ, **environ}, capture_output=True, check=False
    ).returncode


def _who(asked: Asked) -> list[tuple[str, str]]:
    """The headers that say who asks, however their names are written."""
    found = [(name.lower(), value) for name, value in asked.headers.items()]
    return sorted(one for one in found if one[0].startswith(("impersonate-", "authorization")))
