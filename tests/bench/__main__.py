"""Measure the numbers that Rowmill promises, and write them into docs/benchmarks.md.

    python -m tests.bench                                     everything, as documented
    python -m tests.bench --only load --runs 1 --rows 1000000     a part, printed only
    python -m tests.bench --base COMMIT                           against a commit, printed only
    python -m tests.bench --base COMMIT --only startup                a part of that

It starts embedded servers of its own below the temporary folder (TMPDIR), which needs some 20 GB
free, and removes them. Wall times want a machine that does nothing else; CPU seconds forgive.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench import (
    apart,
    commands,
    comparison,
    console,
    encodings,
    finalizing,
    large,
    loading,
    machine,
    on_demand,
    page,
    peers,
    progress,
)
from tests.bench.env import ROOT, Env, env
from tests.bench.figures import Figure

PARTS = (
    "load", "apart", "large", "finalize", "encodings", "peers", "commands", "rows", "console",
    "progress",
)  # fmt: skip
COMPARED = ("load", "startup", "finalize")
ROWS = 10_000_000
_OPTIONS = """\
`make bench ONLY="apart commands"` takes parts of it (load, apart, large, finalize, encodings,
peers, commands, rows, console, progress), `ROWS=` and `RUNS=` other rows and rounds, and with
`BASE=COMMIT` load, startup and finalize are held against that commit; all of these are printed
only. Cores apart means that Postgres and S3 have one core to themselves and the workers, or the
bare streams, another; without two cores, or where the system keeps no process on one, the table
says so.
"""


def main() -> int:
    """Measure what is asked for; exit code 1 if a target is missed."""
    arguments = _arguments()
    if arguments.base:
        wanted = arguments.only or COMPARED
        return _compare(arguments.base, wanted, arguments.rows, arguments.runs)
    wanted = arguments.only or PARTS
    with env() as servers:
        described = machine.describe(servers)
        began = time.monotonic()
        figures = _measure(servers, wanted, arguments.rows, arguments.runs)
        described["Taken in"] = f"{(time.monotonic() - began) / 60:.0f} minutes"
    page.show(figures)
    whole = set(wanted) == set(PARTS) and (arguments.rows, arguments.runs) == (ROWS, None)
    if whole or arguments.write:
        page.write(page.ONE_MACHINE, _part(described, figures))
        print(f"written to {page.PAGE.relative_to(ROOT)}")
    else:
        print("a part of the benchmark: docs/benchmarks.md is left as it is")
    return 0 if all(figure.met is not False for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", help="measure this part (may be repeated)")
    parser.add_argument("--base", help="measure this tree against that commit, in turn")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of a load")
    parser.add_argument("--runs", type=int, help="rounds of each part, in place of its own number")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md anyway")
    arguments = parser.parse_args()
    known = COMPARED if arguments.base else PARTS
    if unknown := set(arguments.only or ()) - set(known):
        parser.error(f"no part {', '.join(sorted(unknown))}: use {', '.join(known)}")
    return arguments


def _compare(commit: str, wanted: Sequence[str], rows: int, runs: int | None) -> int:
    """Measure this tree against a commit; exit code 1 if a target is missed, 2 without that one."""
    try:
        base = comparison.base_tree(commit, _say)
    except comparison.NoBase as error:
        _say(f"tests.bench: {error}")
        return 2
    figures = comparison.measure(base, wanted, rows, runs, _say)
    page.show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def _measure(servers: Env, wanted: Sequence[str], rows: int, runs: int | None) -> list[Figure]:
    figures: list[Figure] = []
    small: list[dict[str, Any]] = []
    if "load" in wanted:
        rounds = loading.measure(servers, rows, runs or loading.RUNS, _say)
        figures += loading.figures(rounds)
        small = [done.document for done in rounds.both]
    if "apart" in wanted:
        figures += apart.measure(rows, runs or apart.RUNS, _say)
    if "large" in wanted:
        figures += large.figures(large.measure(servers, rows, small, _say))
    if "finalize" in wanted:
        figures += _finalize(servers, rows, runs)
    if "encodings" in wanted:
        figures += encodings.measure(runs or encodings.RUNS, _say)
    if "peers" in wanted:
        figures += peers.measure(servers, runs or peers.RUNS, _say)
    if "commands" in wanted:
        figures += commands.measure(servers, runs or commands.RUNS, _say)
    if "rows" in wanted:
        figures += on_demand.measure(runs or on_demand.RUNS, _say)
    if "console" in wanted:
        figures += console.measure(rows // 2, runs or console.RUNS, _say)
    if "progress" in wanted:
        figures += progress.measure(servers, rows, runs or progress.RUNS, _say)
    return figures


def _finalize(servers: Env, rows: int, runs: int | None) -> list[Figure]:
    """By two workers against one: each of them has a connection."""
    two = finalizing.Side("two workers", servers, ("--workers", "2"))
    one = finalizing.Side("one worker", servers, ("--workers", "1"))
    return finalizing.measure(two, one, rows // 2, runs or finalizing.RUNS, _say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _part(described: Mapping[str, str], figures: Sequence[Figure]) -> list[str]:
    """This command's part of the page, in lines of Markdown."""
    return [
        "Written by `make bench`; do not edit. Medians, with the lowest and highest in brackets.",
        "Wall times of competing ways are taken in turn, round by round, on the same servers;",
        "before each the servers write what they hold. How each figure is taken is told in",
        "`tests/bench/`; what to do about speed in [performance.md](performance.md).",
        "",
        _OPTIONS,
        "## The machine",
        "",
        *page.machine_table(described),
        "",
        "## The figures",
        "",
        *page.figure_table(figures),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
