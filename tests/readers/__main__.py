"""Let seven readers open what Rowmill writes, every table whole, and compare with what it made.

    python -m tests.readers                                   all of them
    python -m tests.readers --readers duckdb polars --scale 0.1

Each reader runs in a virtual environment of its own below .venv/readers, made from its lock beside
this file. Two experiments are published by embedded servers of their own: examples/shop.yaml at the
scale, and types.yaml with every type. DuckDB shows besides which row groups it skips.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import rowmill
from tests.readers import pruning
from tests.readers.comparison import differences
from tests.readers.environments import ROOT, NotMade, interpreter
from tests.readers.expected import expected
from tests.readers.known import READERS, Reader
from tests.readers.published import folder_of, publish, servers
from tests.readers.scripting import run

_SHOP = ROOT / "examples" / "shop.yaml"
_TYPES = Path(__file__).parent / "types.yaml"


@dataclass(frozen=True)
class Published:
    """An experiment's objects, as `folder/TABLE/*.parquet`, and its rows made again."""

    name: str
    folder: Path
    tables: dict[str, pa.Table]


def main() -> int:
    """Compare what is asked for; exit code 1 if anything is not equal."""
    arguments = _arguments()
    readers = [READERS[name] for name in arguments.readers]
    experiments = [rowmill.load(_SHOP, scale=arguments.scale), rowmill.load(_TYPES)]
    if "duckdb" in arguments.readers:
        experiments.append(rowmill.load(pruning.MANIFEST))
    with tempfile.TemporaryDirectory(prefix="rowmill-readers-") as scratch:
        published = _publish(experiments, Path(scratch))
        results = [good for reader in readers for good in _results(reader, published)]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.readers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--readers", nargs="+", choices=READERS, default=list(READERS), help="default: all"
    )
    parser.add_argument("--scale", type=float, default=0.01, help="of examples/shop.yaml")
    return parser.parse_args()


def _publish(experiments: Sequence[rowmill.Experiment], scratch: Path) -> list[Published]:
    with servers() as home:
        for experiment in experiments:
            publish(experiment, home, scratch / experiment.name)
    return [
        Published(
            experiment.name,
            scratch / experiment.name,
            {table: expected(experiment, table) for table in experiment.tables},
        )
        for experiment in experiments
    ]


def _results(reader: Reader, published: Sequence[Published]) -> list[bool]:
    """Whether the reader handed over each experiment as it was written, and skips what it can."""
    try:
        python = interpreter(reader)
    except NotMade as error:
        return [_report(reader.name, [str(error)], "")]
    results = []
    for each in published:
        if each.name != pruning.NAME:
            results.append(_open(reader, python, each))
        elif reader.name == "duckdb":
            told = pruning.differences(each.tables, each.folder, python)
            results.append(_report("duckdb: skips row groups by their statistics", told, "yes"))
    return results


def _open(reader: Reader, python: Path, published: Published) -> bool:
    answers = published.folder.parent / f"{published.name}-by-{reader.name}"
    ended = run(python, f"read_{reader.name}.py", published.folder, answers)
    told = [
        f"table {table!r}: {text}"
        for table, written in published.tables.items()
        for text in _compare(reader, answers, table, written)
    ]
    if ended is not None:
        told.append(ended)
    version = answers / "VERSION"
    which = version.read_text(encoding="utf-8") if version.exists() else "of no version"
    rows = sum(table.num_rows for table in published.tables.values())
    what = f"{published.name} {len(published.tables)} tables, {rows:,} rows"
    return _report(f"{reader.name} {which}: {what}", told, "equal")


def _compare(reader: Reader, answers: Path, table: str, written: pa.Table) -> list[str]:
    name = folder_of(table)
    refused = answers / f"{name}.refused"
    if table in reader.refuses:
        return [] if refused.exists() else ["it can be read now: take it out of known.py"]
    if refused.exists():
        return [f"it cannot be read: {_reason(refused.read_text(encoding='utf-8'))}"]
    if not (answers / f"{name}.arrow").exists():
        return ["it was not handed over"]
    with pa.memory_map(str(answers / f"{name}.arrow")) as file:
        return differences(table, written, pa.ipc.open_file(file).read_all(), reader)


def _reason(text: str) -> str:
    """The line of an error that tells most: of a Java trace the innermost cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return (causes or lines)[-1 if causes else 0][:500]


def _report(what: str, differences: Sequence[str], good: str) -> bool:
    print(f"{what}: {'FAILED' if differences else good}", flush=True)
    for text in differences:
        print(f"    {text}", flush=True)
    return not differences


if __name__ == "__main__":
    sys.exit(main())
