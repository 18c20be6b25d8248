"""`abort`, `reset` and `delete`: end a run, remove data, remove data and records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from rowmill.cli.sources import STANDARD_INPUT, from_either
from rowmill.cli.waiting import tell_waits
from rowmill.destinations.ledger import RunState
from rowmill.local import records
from rowmill.local.connections import connections
from rowmill.local.home import rowmill_home
from rowmill.terminal.failures import UsageError
from rowmill.worker import purge
from rowmill.worker.destinations import Destinations, join, one_machine
from rowmill.worker.reading import experiment_runs


def abort(name: str | None, file: Path | None, secrets: Sequence[str]) -> None:
    """End the live or interrupted run."""
    _, destinations = _open(name, file, secrets)
    try:
        run = purge.abort(destinations)
        known = experiment_runs(destinations)
    finally:
        destinations.close()
    if run is None:
        if known and known[-1].state is RunState.PUBLISHING:
            raise UsageError(
                f"run {known[-1].number} is being published, which only goes forward; "
                "`rowmill reset` removes its data afterwards"
            )
        raise UsageError("there is no live or interrupted run to abort")
    print(f"run {run.number} is aborted; `rowmill run` resumes it, `--restart` starts over")


def reset(name: str | None, file: Path | None, secrets: Sequence[str], *, yes: bool) -> None:
    """Remove the data; keep the records."""
    _refuse_unasked(file, yes)
    label, destinations = _open(name, file, secrets)
    try:
        _ask(f"Remove all data of {label}?", yes)
        removed = purge.reset(destinations)
    finally:
        destinations.close()
    print(f"{label}: {removed}. Its records stay (rowmill runs {label})")


def delete(name: str | None, file: Path | None, secrets: Sequence[str], *, yes: bool) -> None:
    """Remove the data and the records."""
    _refuse_unasked(file, yes)
    label, destinations = _open(name, file, secrets)
    try:
        _ask(f"Remove all data and records of {label}?", yes)
        removed = purge.delete(destinations)
    finally:
        destinations.close()
    records.forget(rowmill_home(), label)
    print(f"{label} is deleted: {removed}")


def _open(name: str | None, file: Path | None, secrets: Sequence[str]) -> tuple[str, Destinations]:
    source = from_either(name, file, secrets)
    spec = source.spec()
    destinations = join(
        spec, connections(spec, source.secrets, rowmill_home()), patience=one_machine(tell_waits())
    )
    return spec.name, destinations


def _refuse_unasked(file: Path | None, yes: bool) -> None:
    if file == STANDARD_INPUT and not yes:
        raise UsageError(
            "the manifest comes from standard input, where nobody can be asked; add --yes, "
            "or give NAME or a file"
        )


def _ask(question: str, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm(question, err=True):
        raise UsageError("nothing was removed")
