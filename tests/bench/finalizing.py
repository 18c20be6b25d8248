"""What finalize takes: keys, references, statistics and counts of several tables, one way or two.

The same load by two sides in turn, say with one worker and with two, of which finalize's own
seconds are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from tests.bench.env import ROOT, Env
from tests.bench.figures import Figure, ratio_figure

RUNS = 3
MOST = 0.70
_PARENTS = 4
SHOP = "examples/shop.yaml at scale 1"
_SHOP = ROOT / "examples" / "shop.yaml"


@dataclass(frozen=True, eq=False)
class Side:
    """A way to run: whose servers and command, with which options."""

    name: str
    env: Env
    options: tuple[str, ...] = ()


class Timed(NamedTuple):
    """A side's name, and the seconds of finalize in each of its rounds."""

    name: str
    seconds: list[float]


def measure(
    one: Side, other: Side, rows: int, runs: int, say: Callable[[str], None]
) -> list[Figure]:
    """Finalize of eight tables of `rows` rows, and of examples/shop.yaml at scale 1: two figures.

    Args:
        one: the side that is judged.
        other: what it is judged against.
    """
    eight = f"eight tables of {rows:,} rows"
    return [
        figure(eight, *_rounds(eight_tables(rows), eight, one, other, runs, say), most=MOST),
        figure(SHOP, *_rounds(_shop(), SHOP, one, other, runs, say), most=None),
    ]


def _rounds(
    document: dict[str, Any],
    what: str,
    one: Side,
    other: Side,
    runs: int,
    say: Callable[[str], None],
) -> tuple[Timed, Timed]:
    timed = {side: Timed(side.name, []) for side in (one, other)}
    say(f"finalize of {what}")
    for number in range(runs):
        for side in (one, other) if number % 2 == 0 else (other, one):
            timed[side].seconds.append(_finalize(side, document))
            say(f"  {side.name:12} {timed[side].seconds[-1]:6.1f} s")
    return timed[one], timed[other]


def figure(what: str, one: Timed, other: Timed, *, most: float | None) -> Figure:
    """Finalize's seconds by one side against the other's; only reported without `most`."""
    told = f"finalize of {what}, keys and references: {one.name} against {other.name}"
    found = ratio_figure(told, one.seconds, other.seconds, most or 1.0)
    return found if most else Figure(told, "reported", found.measured.partition("; undecided")[0])


def _finalize(side: Side, document: dict[str, Any]) -> float:
    """Finalize's seconds in one run of the manifest, whose data is removed."""
    manifest = side.env.folder / "finalized.yaml"
    manifest.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    side.env.settle()
    done = side.env.rowmill("run", "-f", str(manifest), "--progress", "none", *side.options)
    side.env.delete(manifest)
    return float(done.document["seconds"]["finalize"])


def eight_tables(rows: int) -> dict[str, Any]:
    """A manifest of four tables and four more that refer to two of those each."""
    parents = [f"parent_{number}" for number in range(_PARENTS)]
    children = [
        _table(f"child_{number}", rows, [parents[number], parents[(number + 1) % _PARENTS]])
        for number in range(_PARENTS)
    ]
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "finalized"},
        "spec": {
            "seed": 7,
            "tables": [*(_table(name, rows, []) for name in parents), *children],
            "destinations": {"postgres": {}},
        },
    }


def _table(name: str, rows: int, refers_to: Sequence[str]) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"name": "id", "type": "bigint", "generate": {"sequence": {"start": 1}}},
        {"name": "amount", "type": "integer", "generate": {"integer": {"min": 1, "max": 500}}},
    ]
    columns += [
        {"name": f"{parent}_id", "type": "bigint", "references": {"table": parent, "column": "id"}}
        for parent in refers_to
    ]
    return {"name": name, "rows": rows, "primaryKey": ["id"], "columns": columns}


def _shop() -> dict[str, Any]:
    """The example, into Postgres alone."""
    document: dict[str, Any] = yaml.safe_load(_SHOP.read_text(encoding="utf-8"))
    document["spec"]["destinations"] = {"postgres": document["spec"]["destinations"]["postgres"]}
    return document
