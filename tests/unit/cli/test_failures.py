"""Every error ends in an exit code and a sentence, and in one document if that was asked for."""

import json

import pytest
import typer

from rowmill.cli.failures import TRANSLATIONS
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, QueryRefused
from rowmill.local.run_errors import RunAborted, RunFailed, interrupted
from rowmill.local.servers.process import EmbeddedServerError
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest, Problem
from rowmill.terminal.failures import UsageError, ending
from rowmill.worker.start.refusals import NoRunToResume

CASES = [
    (UsageError("not so"), 2, "Usage"),
    (InvalidManifest([Problem("spec.seed", "too large")]), 2, "InvalidManifest"),
    (QueryRefused("syntax error"), 2, "QueryRefused"),
    (NoRunToResume("nothing"), 2, "NothingToResume"),
    (ImpossibleColumns("too few"), 2, "ImpossibleColumns"),
    (ModuleNotFoundError("No module named 'pgpq'", name="pgpq"), 2, "ExtraMissing"),
    (DestinationRefused("DiskFull", "no room"), 3, "DiskFull"),
    (EmbeddedServerError("does not start"), 3, "EmbeddedServer"),
    (PermissionError(13, "Permission denied", "/etc/x"), 3, "FileRefused"),
    (DestinationUnavailable("gone"), 4, "Unavailable"),
    (RunFailed("so"), 4, "RunFailed"),
    (RunAborted("so"), 5, "Aborted"),
    (interrupted(), 5, "Interrupted"),
    (KeyboardInterrupt(), 5, "Interrupted"),
    (typer.Abort(), 5, "Interrupted"),
]


@pytest.mark.parametrize(("error", "code", "reason"), CASES)
def test_an_error_has_its_code_and_its_document(
    error: BaseException, code: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left, ending(TRANSLATIONS, as_json=True):
        raise error
    assert left.value.exit_code == code
    out, err = capsys.readouterr()
    document = json.loads(out)["error"]
    assert (document["exitCode"], document["reason"]) == (code, reason)
    assert err == f"rowmill: {document['message']}\n"


def test_without_json_nothing_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), ending(TRANSLATIONS, as_json=False):
        raise UsageError("not so")
    assert capsys.readouterr() == ("", "rowmill: not so\n")


def test_a_manifest_that_is_not_there_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), ending(TRANSLATIONS, as_json=False):
        raise InvalidManifest([Problem("", "x.yaml: no such file or directory")])
    assert capsys.readouterr().err == "rowmill: the manifest: x.yaml: no such file or directory\n"


def test_a_defect_is_no_difference_and_shows_where_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as left, ending(TRANSLATIONS, as_json=True):
        raise ZeroDivisionError("a defect")
    assert left.value.exit_code == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["reason"] == "Defect"
    assert "test_failures.py" in err
    assert "please report it" in err


def test_an_unknown_module_is_a_defect_and_no_missing_extra(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as left, ending(TRANSLATIONS, as_json=False):
        raise ModuleNotFoundError("No module named 'rowmil'", name="rowmil")
    assert left.value.exit_code == 4
    assert "pip install" not in capsys.readouterr().err
