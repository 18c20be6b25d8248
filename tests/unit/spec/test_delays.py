"""The latest value of a column counts, whatever its kind is made of."""

from __future__ import annotations

import pytest

from rowmill.spec.drafts import draft_tables
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import After, Between
from rowmill.spec.report import Report
from rowmill.spec.rules.delays import check_ends
from rowmill.spec.values.moments import DAY
from tests.unit.spec.composite import Pair
from tests.unit.spec.manifests import read

_COLUMNS = ("born", "moved", "died")
_MANIFEST = f"""
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: lives}}
spec:
  tables:
    - name: lives
      rows: 9
      columns: [{", ".join(f"{{name: {name}, type: timestamp}}" for name in _COLUMNS)}]
  destinations: {{parquet: {{bucket: lake}}}}
"""


def _after(column: str, most: int, end: int | None = None) -> After:
    return After(column, None, DAY, 0, most * DAY, end)


@pytest.mark.parametrize(
    "moved",
    [
        Pair(_after("born", 20), _after("born", 1)),
        Pair(_after("born", 1), _after("born", 20)),
        Pair(_after("born", 1), Between(0, 20 * DAY, DAY)),
        Pair(Between(0, 20 * DAY, DAY), _after("born", 1)),
    ],
)
def test_the_latest_value_of_a_composite_is_that_of_all_its_kinds(moved: Kind) -> None:
    manifest = read(_MANIFEST)
    report = Report(manifest)
    drafts = draft_tables(manifest, report)
    columns = drafts.tables[0].every
    kinds = (Between(0, 0, DAY), moved, _after("moved", 1, end=10 * DAY))
    for column, kind in zip(columns, kinds, strict=True):
        column.kind = kind

    check_ends(columns, drafts, report)

    (message,) = (message for _, message in report.found)
    assert message.startswith('leaves no room after the latest "moved", 1970-01-21T00:00:00')
