"""The commands that a message names are whole, as the face at hand calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rowmill.cli import engine as cli
from rowmill.kubectl import engine as plugin
from rowmill.kubectl.options import CLUSTER

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: people, rows: 9, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {secretName: warehouse}}
"""


def test_by_a_file_a_command_has_the_file_and_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "my shop.yaml"
    file.write_text(MANIFEST)
    chosen = cli.chosen(file=file, secrets=["warehouse=w.env"])
    told = chosen["engine"].command("status", "shop", "-w")
    assert told == f"rowmill status -f '{file}' --secret warehouse=w.env -w"


def test_by_name_a_command_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path))
    engine = cli.chosen_by_name("shop")["engine"]
    assert engine.command("logs", "shop", "-f") == "rowmill logs shop -f"


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        ({}, ""),
        ({"namespace": "trial"}, " -n trial"),
        (
            {"context": "c", "as_user": "me", "as_groups": ["a", "b c"]},
            " --context c --as me --as-group a --as-group 'b c'",
        ),
    ],
)
def test_the_plugins_has_the_options_that_lead_to_the_cluster(
    options: dict[str, Any], typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "connect", lambda wanted: wanted)
    engine = plugin.chosen(**options)["engine"]
    assert engine.command("status", "shop", "-w") == f"kubectl rowmill status shop -w{typed}"


def test_each_option_of_the_plugin_has_its_flag() -> None:
    assert plugin._OPTIONS.keys() == CLUSTER.options.keys()
