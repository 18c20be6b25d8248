"""`run` verifies what it has published where the manifest says `verify: AfterRun`."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.cli.commands import Commands
from tests.integration.experiments import Connection


@pytest.fixture
def change_at_publish(name: str, ledger: str, database: Connection) -> Iterator[Callable[[], None]]:
    """Makes an event trigger of the user's, which changes a cell as the table is published."""
    trigger = f"{name}_change"

    def make() -> None:
        database.execute(
            f"CREATE FUNCTION {ledger}.change() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
            "BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() "
            f"WHERE schema_name = '{name}' AND object_type = 'table') "
            f"THEN UPDATE {name}.numbers SET id = -1 WHERE id = 7; END IF; END $$"
        )
        database.execute(
            f"CREATE EVENT TRIGGER {trigger} ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
            f"EXECUTE FUNCTION {ledger}.change()"
        )

    yield make
    database.execute(f"DROP EVENT TRIGGER IF EXISTS {trigger}")


def test_a_run_ends_with_1_where_what_it_published_differs_and_tells_as_verify_does(
    commands: Commands, written: Callable[..., str], change_at_publish: Callable[[], None]
) -> None:
    file = written(1_000, verify="AfterRun")
    same = commands("run", "-f", file)
    assert same.code == 0, same.err
    assert "Identical: all 1,000 rows, in every destination" in same.out
    assert "run 1 verifying: 1,000 of 1,000 rows durable (100 %)" in same.err
    # What the closing line would advise is done.
    assert "Next: rowmill verify" not in same.out
    change_at_publish()
    text = commands("run", "-f", file, "--restart")
    assert text.code == 1, text.err
    assert "run 2 is complete, 1,000 rows" in text.out
    assert "numbers in postgres: lost (id=7), row 6 of batch 0, part 0\n" in text.out
    assert text.out.endswith("rerun makes it again.\n")
    document = commands("run", "-f", file, "--restart", "-o", "json")
    assert document.code == 1
    assert (document.json["state"], document.json["number"]) == ("COMPLETED", 3)
    verification = document.json["verification"]
    assert (verification["run"], verification["identical"]) == (3, False)
    assert verification["checksum"].startswith("sha256:")
    repeat = commands("run", "-f", file, "-o", "json")
    assert (repeat.code, repeat.json["repeat"], repeat.json["verification"]) == (0, True, None)
