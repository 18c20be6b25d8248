"""`rerun` drops and replaces nothing that `run` would ask about, and keeps the options of a run."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.cli.commands import Commands, wait_until
from tests.integration.gate import Gate


def test_an_unfinished_run_is_dropped_by_who_agrees_to_it(
    name: str, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    gate.close_after(ledger, 1)
    assert commands("run", "--detach", "-f", written(), "--batch-rows", "1000").code == 0
    wait_until(lambda: gate.waiting(ledger))
    suspending = commands.start("suspend", name)
    wait_until(lambda: gate.is_fencing(ledger), suspending)
    gate.open()
    assert commands.finish(suspending).code == 0
    wait_until(lambda: commands("status", name, "-o", "json").json["state"] == "SUSPENDED")

    refused = commands("rerun", name)
    held = "run 1 is SUSPENDED and holds 2,000 rows that would be dropped"
    assert refused.code == 2
    assert held in refused.err
    assert f"rowmill resume {name}, or add --restart to drop them" in refused.err
    code, screen = commands.on_terminal("rerun", name, answer="n\n")
    asked = " ".join(screen.split())
    assert (code, held in asked, "Drop them and start over?" in asked) == (2, True, True)
    assert gate.states(ledger) == ["ABORTED"]
    code, _ = commands.on_terminal("rerun", name, "--wait", answer="y\n")
    assert (code, gate.states(ledger)) == (0, ["ABORTED", "COMPLETED"])
    [table] = commands("status", name, "-o", "json").json["tables"]
    assert table["batches"] == 3, "of as many rows as its user wished for the first"


def test_a_rerun_of_fewer_rows_asks_before_it_replaces_more(
    name: str, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    assert commands("run", "-f", written()).code == 0
    smaller = written(10)
    code, screen = commands.on_terminal("rerun", "-f", smaller, answer="n\n")
    asked = " ".join(screen.split())
    assert "run 2, of 10 rows, would replace run 1 (3,000 rows). Replace it?" in asked
    assert (code, "nothing was changed" in asked) == (2, True)
    script = commands("rerun", "-f", smaller, "--wait")
    assert "run 2 replaces run 1 (3,000 rows) when it is published" in script.err
    assert (script.code, gate.states(ledger)) == (0, ["COMPLETED", "COMPLETED"])
