"""`preview` from an offset on: the rows there, and a word where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rowmill.cli.app import app

MANIFEST = """\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - {name: many, rows: 10000000000, columns: [{name: id, type: bigint, generate: {sequence: {}}}]}
    - {name: few, rows: 40, columns: [{name: id, type: bigint, generate: {sequence: {}}}]}
    - {name: none, rows: 0, columns: [{name: id, type: bigint}]}
  destinations: {postgres: {}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(MANIFEST)
    return str(path)


def preview(*words: str) -> Result:
    return CliRunner().invoke(app, ["preview", *words])


def test_rows_from_an_offset_on(file: str) -> None:
    done = preview(file, "-t", "many", "--offset", "7000000000", "-n", "2", "-o", "csv")
    assert (done.exit_code, done.stdout) == (0, "id\n7000000001\n7000000002\n")
    shown = preview(file, "-t", "many", "--offset", "7000000000", "-n", "1")
    assert shown.stdout.startswith("many (10,000,000,000 rows, from row 7,000,000,000)\n")


def test_the_last_rows_may_be_fewer_than_asked_for(file: str) -> None:
    done = preview(file, "-t", "few", "--offset", "38", "-n", "5", "-o", "csv")
    assert done.stdout == "id\n39\n40\n"
    assert done.stderr == ""


def test_behind_the_end_there_are_none_and_that_is_said_beside_the_document(file: str) -> None:
    done = preview(file, "--offset", "40", "-n", "1", "-o", "json")
    assert json.loads(done.stdout) == {"many": [{"id": 41}], "few": [], "none": []}
    assert done.exit_code == 0
    assert done.stderr == "rowmill: 'few' has 40 rows, counted from 0: none from 40 on\n"


def test_without_an_offset_nothing_is_said_of_it(file: str) -> None:
    done = preview(file, "-n", "1")
    assert "many (10,000,000,000 rows)\n" in done.stdout
    assert "none (0 rows)\n" in done.stdout
    assert done.stderr == ""


def test_an_offset_before_the_first_row_is_refused(file: str) -> None:
    done = preview(file, "--offset", "-1")
    assert done.exit_code == 2
    assert "at least 0" in done.stderr
