"""`trace`: tell where a stored row comes from, and whether it is as it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rowmill.engine.interface import Engine
from rowmill.engine.tracing import Copy, Trace
from rowmill.engine.verification import Value
from rowmill.errors import Differs
from rowmill.near_names import near_name
from rowmill.terminal.failures import Answered, UsageError
from rowmill.terminal.figures import short
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say


def trace(engine: Engine, name: str, words: list[str], output: Output) -> None:
    """Trace one row by its key; exits with 1 if it is not stored once everywhere as it was made.

    A key of no row is an error.

    Args:
        engine: whose the experiment is.
        name: the experiment's.
        words: TABLE and KEY...
        output: how to print.
    """
    warehouse = engine.warehouse(name)
    if len(words) < 2:
        raise UsageError(_wanted(words, warehouse.keys(), engine.command("trace", name)))
    table, key = words[0], words[1:]
    found = warehouse.trace(table, key)
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


def _wanted(given: Sequence[str], keys: Mapping[str, Sequence[str]], command: str) -> str:
    """What is to follow the experiment, with a command line that has it."""
    tables = list(given) or [name for name, columns in keys.items() if columns]
    if not tables:
        return "no table has a primary key by which a row could be found"
    if tables[0] not in keys:
        near = near_name(tables[0], keys)
        meant = f"did you mean {near!r}?" if near else f"the tables are {', '.join(keys)}"
        return f"there is no table {tables[0]!r}; {meant}"
    example = " ".join(keys[tables[0]]).upper()
    listed = ", ".join(f"{each} ({', '.join(keys[each])})" for each in tables)
    return (
        f"give a table and its key's values, such as: {command} {tables[0]} "
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
