"""Commands that look at an experiment or stop its run do without what makes and reads its data."""

import json
import os
import subprocess
import sys

from tests.integration.cli.commands import Commands
from tests.integration.cli.numbers import numbers
from tests.integration.experiments import manifest

_COMMANDS = """
import json, sys
from rowmill.cli import main

def code(*words):
    sys.argv = ["rowmill", *words]
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0

codes = [code(word, NAME) for word in ("status", "runs", "logs", "suspend", "abort")]
heavy = {"numpy", "pyarrow", "pgpq", "faker", "botocore", "psycopg"}
print(json.dumps([codes, sorted(heavy & set(sys.modules))]))
"""
# There is nothing to stop.
_CODES = [0, 0, 0, 2, 2]


def imported(name: str) -> list[object]:
    """The codes of such commands, all of one process, and what that has imported in the end."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMANDS.replace("NAME", repr(name))],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_ledger_in_postgres_is_looked_at_without_arrow_and_s3(
    name: str, ledger: str, commands: Commands
) -> None:
    # It has a lake too, which nobody asks.
    content = manifest(name, tables=[numbers(10)], postgres={"ledgerSchema": ledger})
    assert commands("run", "-f", commands.file(content), "--progress=none").code == 0
    assert imported(name) == [_CODES, ["psycopg"]]


def test_a_ledger_in_a_bucket_is_looked_at_without_arrow_and_postgres(
    name: str, commands: Commands
) -> None:
    content = manifest(name, tables=[numbers(10)], postgres=None)
    assert commands("run", "-f", commands.file(content), "--progress=none").code == 0
    assert imported(name) == [_CODES, ["botocore"]]
