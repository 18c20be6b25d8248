"""Reading parts of several row groups through ranges, and telling where in them a row is."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.parquet_reading import LakeReader
from rowmill.destinations.s3.client import S3Address
from rowmill.engine.verification import Comparison, Kind
from rowmill.generate.rows import Generator
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Dataset
from rowmill.spec.load import load_spec
from rowmill.verify.compare import verify

_MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: parts}
spec:
  tables:
    - name: t
      rows: 950
      primaryKey: [id]
      columns:
        - {name: id, type: bigint, generate: {sequence: {}}}
        - {name: word, type: text, generate: {choice: {values: [one, two, three]}}}
        - {name: note, type: text, nulls: 0.5, generate: {pattern: "[a-z]{20}"}}
        - {name: list, type: "integer[]", generate: {array: {of: {integer: {min: 0, max: 9}}}}}
  destinations: {parquet: {bucket: rowmill}}
"""
# Three parts of 400, 400 and 150 rows, in row groups of 200.
_LAYOUT = TableLayout("t", 950, 60, batch_rows=100, part_rows=400, group_rows=200)


class Parts:
    """The table, published in a prefix of its own."""

    def __init__(self, servers: EmbeddedServers) -> None:
        spec = load_spec("parts", text=_MANIFEST)
        assert spec.parquet is not None
        self.dataset: Dataset = spec.dataset
        self.prefix = f"parts-{os.getpid()}-{uuid.uuid4().hex[:8]}/"
        known = exports(servers)
        target = replace(spec.parquet, prefix=self.prefix)
        self.lake = Lake(S3Address(lambda: known), target, "engine/local/parts")
        self.run = Run(
            id="0123456789ab",
            owner="engine/local/parts",
            uid="uid",
            number=1,
            state=RunState.RUNNING,
            plan=Plan(spec.digest, spec.dataset.data_version, (_LAYOUT,), (3,)),
            started_at=datetime(2026, 1, 2, tzinfo=UTC),
            finished_at=None,
            message="",
            summary={},
        )
        self.record = self._publish()

    def _publish(self) -> LakeReader:
        generator, pending = Generator(self.dataset), []
        self.lake.check_target(["t"])
        for part in self.run.plan.parts():
            upload = self.lake.open_part(self.run, self.dataset, part)
            for batch in _LAYOUT.batches_of(part):
                upload.write([generator.batch("t", batch.start, batch.stop)])
            pending.append(upload.close())
        assert self.lake.complete(self.run, pending) == []
        record = self.lake.publish(self.run, self.dataset, pending)
        return LakeReader(self.lake.bucket, self.prefix, self.run, record.parts)

    def key(self, part: int) -> str:
        return f"{self.prefix}t/part-{part:05d}-{self.run.id}.parquet"

    def compare(self) -> Comparison:
        report = verify(
            self.run, self.dataset, lambda: Generator(self.dataset), [self.record], workers=2
        )
        return report.tables[0].comparisons[0]

    def change(self, part: int, row: int) -> None:
        """Set the `word` of a part's row to `four`."""
        stored = self.lake.bucket.read(self.key(part))
        assert stored is not None
        rows = pq.read_table(io.BytesIO(stored.body))
        words = rows.column("word").to_pylist()
        words[row] = "four"
        sink = io.BytesIO()
        pq.write_table(rows.set_column(1, "word", pa.array(words)), sink, row_group_size=90)
        self.lake.bucket.put(self.key(part), sink.getvalue())


@pytest.fixture
def parts(servers: EmbeddedServers) -> Iterator[Parts]:
    made = Parts(servers)
    yield made
    made.lake.remove()
    made.lake.close()


def test_all_parts_are_identical(parts: Parts) -> None:
    found = parts.compare()
    assert found.identical
    assert found.rows == 950


def test_a_changed_row_is_told_by_its_part_and_place(parts: Parts) -> None:
    parts.change(1, 277)
    found = parts.compare()
    assert found.counts == {Kind.CHANGED: 1}
    (difference,) = found.differences
    assert (difference.row, difference.batch, difference.part) == (677, 6, 1)
    assert difference.place == f"s3://rowmill/{parts.key(1)} row 277"


def test_a_missing_part_hides_no_change_in_another(parts: Parts) -> None:
    parts.change(2, 149)
    parts.lake.bucket.delete(parts.key(0))
    found = parts.compare()
    assert [(p.reason, p.place) for p in found.problems] == [
        ("ObjectMissing", f"s3://rowmill/{parts.key(0)}"),
        ("BytesDiffer", f"s3://rowmill/{parts.key(2)}"),
    ]
    assert [(d.kind, d.row) for d in found.differences] == [(Kind.CHANGED, 949)]


def test_rows_at_places_in_several_parts_and_row_groups(parts: Parts) -> None:
    table = parts.dataset.table("t")
    places = [parts.record.place_of(row // 400, row % 400) for row in (949, 0, 399, 400, 601)]
    ids: dict[int, int] = {}
    for rows in parts.record.rows_at(table, np.array(places)):
        assert rows.places is not None
        ids.update(zip(rows.places.tolist(), rows.columns[0].to_pylist(), strict=True))
    assert [ids[place] for place in places] == [950, 1, 400, 401, 602]
