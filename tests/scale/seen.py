"""How far `kubectl rowmill status` is behind the ledger, in runs of real pods.

Once a second it takes the rows that the status tells, as the plugin's own engine reads it, and then
the rows that the ledger holds: whatever is more there is told too late. One run is of a small spec,
one of a spec above 200 KB, whose status is written more rarely.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from rowmill.cluster.apiserver.kubeconfig import Wanted
from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import connect
from tests.bench.figures import Figure, Samples
from tests.bench.progress import Look, behind, behind_at
from tests.e2e.cluster.images import Builder
from tests.e2e.cluster.node import node_of_its_own
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import build_images
from tests.scale.installed_node import NAMESPACE, Ground, on

SECONDS = 90
MOST_BEHIND, MOST_BEHIND_LARGE = 10.0, 35.0
_LOOK_SECONDS = 1.0
_START_SECONDS = 180.0
# So little processor that the run lasts longer than it is looked at.
_SLOWLY = {
    "requests": {"cpu": "50m", "memory": "256Mi"},
    "limits": {"cpu": "100m", "memory": "1Gi"},
}
_ROWS, _BATCH_ROWS = 1_000_000_000, 10_000
_LARGE_BYTES = 200_000
_BATCHES = (
    "SELECT count(*) FROM rowmill.batches JOIN rowmill.runs ON key = run "
    "WHERE owner LIKE '%%/' || %s"
)


def measure(folder: Path, seconds: int = SECONDS) -> list[Figure]:
    """Both runs, each looked at for so long, on a node of its own whose state is below `folder`.

    To be called where the package registries can be reached, in no node's network.
    """
    images = build_images(Builder())
    with node_of_its_own(folder) as node:
        return on(node, images, lambda ground: _on(ground, seconds))


def spec_of(*, large: bool) -> dict[str, Any]:
    """The spec of a run that lasts; a `large` one is above 200 KB by the words of a choice."""
    spec = wide(_ROWS, batchRows=_BATCH_ROWS, resources=_SLOWLY, deletionPolicy="Retain")
    spec["destinations"] = {"postgres": {}}
    if large:
        words = [f"{number:04}{'x' * 250}" for number in range(1_000)]
        column = {"name": "word", "type": "text", "generate": {"choice": {"values": words}}}
        spec["tables"].append({"name": "padding", "rows": 1, "columns": [column]})
        assert len(json.dumps(spec)) > _LARGE_BYTES, "else it is written as often"
    return spec


def figure(what: str, looks: list[Look], most: float) -> Figure:
    """How far behind the status was, at the looks of one run."""
    seconds = Samples.of(behind_at(looks))
    worst = max(seconds.values)
    return Figure(
        f"rows that `kubectl rowmill status` tells, against the ledger, {what}, {len(looks)} looks "
        "at a run in pods, once a second",
        f"at most {most:g} s behind",
        f"median {seconds.median:.1f} s, most {worst:.1f} s",
        worst <= most,
    )


def _on(ground: Ground, seconds: int) -> list[Figure]:
    small = _watched(ground, spec_of(large=False), seconds)
    large = _watched(ground, spec_of(large=True), seconds)
    return [
        figure("of a small spec", small, MOST_BEHIND),
        figure("of a spec above 200 KB", large, MOST_BEHIND_LARGE),
    ]


def _watched(ground: Ground, spec: dict[str, Any], seconds: int) -> list[Look]:
    """Look at a run once a second, for so long from its first durable row on."""
    applied = Applied.of(ground.installation, NAMESPACE, spec)
    kubeconfig = Wanted(kubeconfig=ground.cluster.kubeconfig, namespace=NAMESPACE)
    engine = ClusterEngine(connect(kubeconfig))
    looks: list[Look] = []
    with ground.installation.postgres() as connection:
        _until(lambda: _durable(connection, applied.name) > 0, applied.name)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            told = engine.status(applied.name).run.rows
            durable = _durable(connection, applied.name)
            looks.append(Look(time.monotonic(), durable, told))
            if durable >= _ROWS:
                raise RuntimeError("the run ended before it was seen: it takes more rows")
            time.sleep(_LOOK_SECONDS)
    print(f"{applied.name}: {len(looks)} looks, at most {behind(looks):.1f} s behind", flush=True)
    ground.remove(applied)
    return looks


def _until(begun: Callable[[], bool], name: str) -> None:
    over = time.monotonic() + _START_SECONDS
    while not begun():
        if time.monotonic() > over:
            raise RuntimeError(f"{name}: no row is durable after {_START_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)


def _durable(connection: psycopg.Connection, name: str) -> int:
    """The rows of the ledger's batches, which are whole ones until the last of a part."""
    try:
        row = connection.execute(_BATCHES, (name,)).fetchone()
    except psycopg.errors.UndefinedTable:
        # The first run of all makes the ledger.
        return 0
    return 0 if row is None else int(row[0]) * _BATCH_ROWS
