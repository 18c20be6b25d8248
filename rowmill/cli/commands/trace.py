"""`trace`: tell where a stored row comes from, and whether it is as it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rowmill.cli.sources import Secrets, from_either
from rowmill.cli.waiting import report_waits, say_starting
from rowmill.engine.verification import Value
from rowmill.errors import Differs
from rowmill.local.connections import find_connections
from rowmill.local.home import rowmill_home
from rowmill.spec.dataset import Dataset, Table
from rowmill.terminal.failures import Answered, UsageError
from rowmill.terminal.figures import short
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say
from rowmill.verify.pairing import key_columns
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.trace import Copy, Trace
from rowmill.verify.trace import trace as trace_row
from rowmill.warehouse.published import NothingPublished, open_published


def trace(words: list[str] | None, file: Path | None, secrets: Secrets, output: Output) -> None:
    """Trace one row by its key; exits with 1 if it is not stored once everywhere as it was made.

    A key of no row is an error.

    Args:
        words: NAME, TABLE and KEY..., or with `file` without NAME.
    """
    words = words or []
    if not words and file is None:
        raise UsageError(
            "give the experiment's NAME (or -f FILE), a table and its primary key's values, "
            "such as: rowmill trace shop orders 4711"
        )
    source = from_either(words[0] if file is None else None, file, secrets)
    rest = words[1:] if file is None else words
    spec = source.spec()
    if len(rest) < 2:
        who = spec.name if file is None else f"-f {file}"
        raise UsageError(_wanted(rest, spec.dataset, who))
    table, key = rest[0], rest[1:]
    known = _table(spec.dataset, table)
    connections = find_connections(spec, source.secrets, rowmill_home(), say_starting)
    try:
        with open_published(spec, connections, source.spec_with, report_waits()) as opened:
            known = _table(opened.dataset, table)
            found = trace_row(opened, known, key, Recomputed(opened.make_generator))
    except NothingPublished as error:
        raise NothingPublished(f"{spec.name}: {error}") from None
    if not found.found:
        raise UsageError(
            f"run {found.run} made no row of {table!r} with {_pairs(found.key)}, and none is stored"
        )
    if output is Output.JSON:
        print_json(found.to_json())
    else:
        say("\n".join(_lines(found)))
    if not found.identical:
        raise Answered(Differs)


def _table(dataset: Dataset, name: str) -> Table:
    try:
        return dataset.table(name)
    except KeyError as error:
        raise UsageError(error.args[0]) from None


def _wanted(given: Sequence[str], dataset: Dataset, who: str) -> str:
    """What is to follow the experiment, with a command line that has it."""
    keyed = [table for table in dataset.tables if key_columns(table)]
    tables = [_table(dataset, name) for name in given] or keyed
    if not tables:
        return "no table has a primary key by which a row could be found"
    example = " ".join(key_columns(tables[0])).upper()
    listed = ", ".join(f"{each.name} ({', '.join(key_columns(each))})" for each in tables)
    return (
        f"give a table and its key's values, such as: rowmill trace {who} {tables[0].name} "
        f"{example}; keys: {listed}"
    )


def _lines(found: Trace) -> Iterator[str]:
    yield f"{found.table} ({_pairs(found.key)})"
    yield f"  experiment  {found.owner}"
    yield f"  run         {found.run} ({found.run_id}), {short(found.digest)}"
    yield f"  seed        {found.seed}, data version {found.data_version}"
    if found.row is None or found.batch_rows is None or found.part_rows is None:
        yield "  row         none: no run made a row of this key"
    else:
        yield f"  row         {found.row}"
        yield f"  batch       {found.batch}: rows {_range(found.batch_rows)}"
        yield f"  part        {found.part}: rows {_range(found.part_rows)}"
    if found.object is not None:
        yield f"  object      {found.object}"
    for copy in found.copies:
        yield from _copy(copy, made=found.row is not None)


def _copy(copy: Copy, *, made: bool) -> Iterator[str]:
    label = f"  {copy.destination:<12}"
    if copy.place is None:
        yield f"{label}not found: {copy.problem}"
        return
    verdict = "as it was made" if copy.identical else "differs" if made else "not of the run"
    yield f"{label}{copy.place}: {verdict}"
    for cell in copy.cells:
        yield f"    {cell.column}: expected {_value(cell.expected)}, found {_value(cell.found)}"


def _pairs(key: dict[str, Value]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in key.items())


def _value(value: Value) -> str:
    return "NULL" if value is None else json.dumps(value, ensure_ascii=False)


def _range(rows: tuple[int, int]) -> str:
    return f"{rows[0]:,} to {rows[1] - 1:,}"
