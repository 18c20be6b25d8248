"""Let seven readers open what Rowmill writes, every table whole, and compare with what was written.

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
from tests.readers.environments import ROOT, NotMade, interpreter, require_java
from tests.readers.expected import expected
from tests.readers.known import READERS, Reader
from tests.readers.published import folder_of, publish, servers
from tests.readers.scripting import run

TYPES = Path(__file__).parent / "types.yaml"
SHOP = ROOT / "examples" / "shop.yaml"
_PRUNING = "duckdb"


@dataclass(frozen=True)
class Published:
    """An experiment's objects in a folder, and its rows made again."""

    experiment: rowmill.Experiment
    folder: Path
    tables: dict[str, pa.Table]


def main() -> int:
    """Compare what is asked for; exit code 1 if anything is not equal."""
    arguments = _arguments()
    wanted = [READERS[name] for name in arguments.readers]
    with tempfile.TemporaryDirectory(prefix="rowmill-readers-") as scratch:
        experiments = [rowmill.load(SHOP, scale=arguments.scale), rowmill.load(TYPES)]
        rising = rowmill.load(pruning.MANIFEST)
        with servers() as home:
            for experiment in [*experiments, rising]:
                publish(experiment, home, Path(scratch) / experiment.name)
        published = [
            Published(each, Path(scratch) / each.name, {t: expected(each, t) for t in each.tables})
            for each in experiments
        ]
        results = [
            result
            for reader in wanted
            for result in _open_all(reader, published, rising, Path(scratch))
        ]
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


def _open_all(
    reader: Reader, published: Sequence[Published], rising: rowmill.Experiment, scratch: Path
) -> list[bool]:
    """Whether each experiment was equal, and DuckDB skipped what it could."""
    try:
        if reader.java:
            require_java()
        python = interpreter(reader.name)
    except NotMade as error:
        _tell(reader.name, [str(error)], "")
        return [False]
    results = [_open(reader, python, each, scratch / reader.name) for each in published]
    if reader.name == _PRUNING:
        told = pruning.differences(rising, scratch / rising.name, python)
        results.append(
            _tell(
                f"{reader.name}: row groups skipped by min, max and null_count",
                told,
                "as they should be",
            )
        )
    return results


def _open(reader: Reader, python: Path, published: Published, target: Path) -> bool:
    answers = target / published.experiment.name
    answers.mkdir(parents=True)
    ended = run(python, f"read_{reader.name}.py", published.folder, answers)
    told = []
    for table, written in published.tables.items():
        told += [f"table {table!r}: {text}" for text in _compare(reader, answers, table, written)]
    if ended is not None:
        told.append(ended)
    version = answers / "VERSION"
    which = version.read_text(encoding="utf-8") if version.exists() else "of no version"
    rows = sum(table.num_rows for table in published.tables.values())
    what = f"{published.experiment.name} {len(published.tables)} tables, {rows:,} rows"
    return _tell(f"{reader.name} {which}: {what}", told, "equal")


def _compare(reader: Reader, answers: Path, table: str, written: pa.Table) -> list[str]:
    name = folder_of(table)
    refused = answers / f"{name}.refused"
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


def _tell(what: str, differences: Sequence[str], good: str) -> bool:
    print(f"{what}: {'NOT EQUAL' if differences else good}", flush=True)
    for text in differences:
        print(f"    {text}", flush=True)
    return not differences


if __name__ == "__main__":
    sys.exit(main())
