"""What a page of rows takes that exist nowhere: 100 of them, far into a table of ten billion.

It is made in this process by a generator that has made one before, as a server of such pages has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rowmill.on_demand.pages import rows
from rowmill.spec.load import load_spec
from rowmill.worker.pools import check_columns, make_pools
from tests.bench.figures import Figure, Samples

RUNS = 15
MOST_MS = 50.0
ROWS = 10**10
OFFSET = 7 * 10**9
LIMIT = 100
TABLE = "orders"
MANIFEST = f"""\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: far}}
spec:
  seed: 7
  tables:
    - name: customers
      rows: {ROWS // 10}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint, generate: {{sequence: {{start: 1}}}}}}
        - {{name: name, type: text, generate: {{faker: {{provider: name}}}}}}
        - {{name: email, type: text, generate: {{template: "{{name|slug}}.{{id}}@example.com"}}}}
        - {{name: since, type: timestamptz, generate: {{between: {{start: "2020-01-01T00:00:00Z", end: "2024-12-31T00:00:00Z"}}}}}}
    - name: {TABLE}
      rows: {ROWS}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint, generate: {{sequence: {{start: 1}}}}}}
        - {{name: customer_id, type: bigint, references: {{table: customers, column: id, pick: {{zipf: {{exponent: 1.1}}}}}}}}
        - {{name: email, type: text, generate: {{parent: {{via: customer_id, column: email}}}}}}
        - {{name: sku, type: text, generate: {{pattern: "[A-Z]{{3}}-[0-9]{{4}}"}}}}
        - {{name: total, type: "numeric(10,2)", generate: {{lognormal: {{mu: 3.5, sigma: 0.8, max: 5000}}}}}}
        - {{name: ordered_at, type: timestamptz, generate: {{after: {{column: since, via: customer_id, mean: 90d}}}}}}
        - {{name: note, type: text, nulls: 0.8, generate: {{faker: {{provider: sentence}}}}}}
  destinations:
    postgres: {{}}
"""  # noqa: E501


def measure(runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Take `runs` pages, each at another offset, after one that nobody counts."""
    dataset = load_spec("far.yaml", text=MANIFEST).dataset
    generator = check_columns(dataset, make_pools(dataset))
    taken: list[float] = []
    for number in range(runs + 1):
        began = time.perf_counter()
        page = rows(generator, TABLE, OFFSET + number * LIMIT, LIMIT)
        taken.append((time.perf_counter() - began) * 1e3)
        assert len(page.rows) == LIMIT
    say(f"  a page of rows: first {taken[0]:.1f} ms, then {Samples.of(taken[1:]).text(1, 'ms')}")
    return figures(taken[1:])


def figures(milliseconds: Sequence[float]) -> list[Figure]:
    """The row of the table that these pages give."""
    pages = Samples.of(milliseconds)
    return [
        Figure(
            f"{LIMIT} rows made on the spot at offset {OFFSET:,} of a table of {ROWS:,} rows, by a "
            "generator that has made some before",
            f"under {MOST_MS:.0f} ms",
            pages.text(1, "ms"),
            pages.median < MOST_MS,
        )
    ]
