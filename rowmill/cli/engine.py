"""Which engine and which experiment a command of this machine means: by NAME or by -f FILE."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

from rowmill.cli.sources import STANDARD_INPUT, Secrets, from_either, from_name, refuse_file
from rowmill.cli.waiting import terminal_reports
from rowmill.commands.chosen import OnExperiment, OnOneOrAll, ToQuery, ToRemove, ToTrace
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import rowmill_home
from rowmill.local.home.remembered import MemoryDamaged
from rowmill.local.records import unbegun_runs
from rowmill.terminal.failures import UsageError


def opened() -> LocalEngine:
    """The engine of this machine's home, of whose waits nobody is told."""
    return LocalEngine(rowmill_home())


def chosen(
    name: str | None = None, file: Path | None = None, secrets: Secrets = None
) -> OnExperiment:
    """The engine and the experiment, as what a command does takes them.

    Raises:
        UsageError, NotFound: as `from_either`.
        InvalidManifest: the file's manifest is no good.
    """
    if name is not None and file is None and not secrets:
        home = rowmill_home()
        # The engine says the same of it, unless it is to forget it; of what did not begin, why.
        if unbegun_runs.last(home, name) is None:
            with suppress(MemoryDamaged):
                from_name(name)
        return {"engine": LocalEngine(home, reports=terminal_reports()), "name": name}
    source = from_either(name, file, secrets)
    known = source.spec().name if name is None else name
    typed = [known] if file is None else ["-f", str(file)]
    reference = shlex.join([*typed, *(word for one in secrets or () for word in ("--secret", one))])
    engine = LocalEngine(rowmill_home(), {known: source}, terminal_reports(), {known: reference})
    return {"engine": engine, "name": known}


def chosen_by_name(name: str) -> OnExperiment:
    """As `chosen`, of a command that takes no manifest.

    Raises:
        UsageError: it is a file.
    """
    home = rowmill_home()
    refuse_file(home, name, "the NAME of an experiment")
    return {"engine": LocalEngine(home, reports=terminal_reports()), "name": name}


def chosen_or_all(
    name: str | None = None, file: Path | None = None, secrets: Secrets = None
) -> OnOneOrAll:
    """As `chosen`; neither means all experiments."""
    if name is None and file is None:
        return {"engine": LocalEngine(rowmill_home(), reports=terminal_reports()), "name": None}
    one = chosen(name, file, secrets)
    return {"engine": one["engine"], "name": one["name"]}


def chosen_to_remove(
    yes: bool, name: str | None = None, file: Path | None = None, secrets: Secrets = None
) -> ToRemove:
    """As `chosen`, for a command that asks whether it may.

    Raises:
        UsageError: nobody can be asked.
    """
    if file == STANDARD_INPUT and not yes:
        raise UsageError(
            "the manifest comes from standard input, where nobody can be asked; add --yes, "
            "or give NAME or a file"
        )
    return {**chosen(name, file, secrets), "yes": yes}


def chosen_to_query(
    words: list[str] | None = None, file: Path | None = None, secrets: Secrets = None
) -> ToQuery:
    """As `chosen`, where NAME is the first of the words, unless there is a file."""
    typed = words or []
    if len(typed) != (2 if file is None else 1):
        raise UsageError("give the experiment's NAME and one SQL text, or -f FILE and the SQL")
    sql = typed[-1]
    if not sql.strip(" \t\r\n;"):
        raise UsageError('the SQL is empty; give a query, such as: "SELECT count(*) FROM orders"')
    one = chosen(typed[0] if file is None else None, file, secrets)
    return {**one, "sql": sql}


def chosen_to_trace(
    words: list[str] | None = None, file: Path | None = None, secrets: Secrets = None
) -> ToTrace:
    """As `chosen`, where NAME is the first of the words, unless there is a file."""
    typed = words or []
    if not typed and file is None:
        raise UsageError(
            "give the experiment's NAME (or -f FILE), a table and its primary key's values, "
            "such as: rowmill trace shop orders 4711"
        )
    one = chosen(typed[0] if file is None else None, file, secrets)
    return {**one, "words": typed[1:] if file is None else typed}
