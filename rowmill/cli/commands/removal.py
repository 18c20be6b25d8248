"""`abort`, `reset` and `delete`: end a run, remove data, remove data and records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rowmill.cli.sources import STANDARD_INPUT, Secrets, from_either
from rowmill.cli.waiting import report_waits, say_starting
from rowmill.local import disk_reserve, remembered
from rowmill.local.connections import find_connections
from rowmill.local.home import rowmill_home
from rowmill.plan.runs import Run, RunState
from rowmill.terminal.failures import UsageError
from rowmill.terminal.prose import confirmed, say
from rowmill.worker.abort import abort_run
from rowmill.worker.destinations import Destinations, one_machine, open_destinations
from rowmill.worker.reading import experiment_runs
from rowmill.worker.removal import purge


def abort(name: str | None, file: Path | None, secrets: Secrets) -> None:
    """End the live run, or one that failed or lost its process."""
    _, destinations = _open(name, file, secrets)
    try:
        run = abort_run(destinations)
        known = experiment_runs(destinations)
    finally:
        destinations.close()
    if run is None:
        raise UsageError(nothing_to_abort(known))
    say(f"run {run.number} is aborted; `rowmill run` resumes it, `--restart` starts over")


def nothing_to_abort(runs: Sequence[Run]) -> str:
    """Why none of an experiment's runs, oldest first, can be aborted."""
    if not runs:
        return "there is no run to abort: it has no runs yet"
    newest = runs[-1]
    if newest.state is RunState.PUBLISHING:
        return (
            f"run {newest.number} is being published, which only goes forward; "
            "`rowmill reset` removes its data afterwards"
        )
    why = f" ({newest.message})" if newest.message else ""
    if newest.state is RunState.ABORTED:
        return f"run {newest.number} is ABORTED already{why}; `rowmill run` resumes it"
    return f"there is no live run to abort: the newest, run {newest.number}, is {newest.state}{why}"


def reset(name: str | None, file: Path | None, secrets: Secrets, yes: bool) -> None:
    """Remove the data; keep the records."""
    _refuse_unasked(file, yes)
    label, destinations = _open(name, file, secrets)
    try:
        _ask(f"Remove all data of {label}?", yes)
        disk_reserve.release(rowmill_home())
        removed = purge.reset(destinations)
    finally:
        destinations.close()
    say(f"{label}: {removed}. Its records stay (rowmill runs {label})")


def delete(name: str | None, file: Path | None, secrets: Secrets, yes: bool) -> None:
    """Remove the data and the records; what is but remembered here is forgotten."""
    _refuse_unasked(file, yes)
    label, destinations = _open(name, file, secrets)
    try:
        _ask(f"Remove all data and records of {label}?", yes)
        disk_reserve.release(rowmill_home())
        if name is not None and _is_but_remembered(destinations):
            text = (
                f"{label} is forgotten here: the embedded servers have no record of it, "
                "and nothing was removed"
            )
        else:
            text = f"{label} is deleted: {purge.delete(destinations)}"
    finally:
        destinations.close()
    _forget(label)
    say(text)


def _is_but_remembered(destinations: Destinations) -> bool:
    """Whether nothing is where the runs went, for certain: a secret may lead elsewhere by now."""
    targets = (destinations.spec.postgres, destinations.spec.parquet)
    embedded = all(target is None or target.embedded for target in targets)
    return embedded and not purge.is_known_to_any_engine(destinations)


def _forget(name: str) -> None:
    try:
        remembered.forget(rowmill_home(), name)
    except OSError as error:
        say(
            f"rowmill: {remembered.folder(rowmill_home(), name)} cannot be removed "
            f"({error.strerror or error}): {name} is still known here",
            err=True,
        )


def _open(name: str | None, file: Path | None, secrets: Secrets) -> tuple[str, Destinations]:
    source = from_either(name, file, secrets)
    spec = source.spec()
    connections = find_connections(spec, source.secrets, rowmill_home(), say_starting)
    return spec.name, open_destinations(spec, connections, patience=one_machine(report_waits()))


def _refuse_unasked(file: Path | None, yes: bool) -> None:
    if file == STANDARD_INPUT and not yes:
        raise UsageError(
            "the manifest comes from standard input, where nobody can be asked; add --yes, "
            "or give NAME or a file"
        )


def _ask(question: str, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    if not confirmed(question):
        raise UsageError("nothing was removed")
