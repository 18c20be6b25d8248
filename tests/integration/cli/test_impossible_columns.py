"""What only the values of a provider show to be impossible is a mistake of the manifest."""

import pytest

from tests.integration.cli.commands import Commands
from tests.integration.experiments import manifest

TOO_SHORT = {"name": "city", "type": "varchar(1)", "generate": {"faker": {"provider": "city"}}}
TOO_FEW = {
    "name": "code",
    "type": "text",
    "unique": True,
    "generate": {"faker": {"provider": "numerify", "args": {"text": "##"}, "pool": 20_000}},
}


@pytest.mark.parametrize("column", [TOO_SHORT, TOO_FEW])
@pytest.mark.parametrize("command", ["preview", "run"])
def test_it_is_told_as_such_before_anything_is_written(
    name: str, commands: Commands, column: dict[str, object], command: str
) -> None:
    table = {"name": "places", "rows": 1_000, "columns": [column]}
    done = commands(command, "-f", commands.file(manifest(name, tables=[table])), "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "ImpossibleColumns")
    assert "places" in done.err or "city" in done.err
    # Neither a longer nor a larger pool would help.
    assert "raise" not in done.err
