"""A part's bytes are those of its rows: nobody can tell how they arrived."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.destinations.lake.parquet_writer import PartWriter
from rowmill.generate.rows import Generator
from rowmill.plan.layout import TableLayout
from rowmill.spec.load import load_spec
from tests.unit.destinations.parquet_files import PORTABLE

# Columns of which a stretch of rows may have no value at all, through a reference or of their own,
# and such as arrive as dictionaries.
_MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: bytes}
spec:
  tables:
    - name: parents
      rows: 6000
      primaryKey: [id]
      columns:
        - {name: id, type: bigint, generate: {sequence: {}}}
        - {name: city, type: text, nulls: 0.3, generate: {choice: {values: [Rome, Bern, Oslo]}}}
        - {name: first, type: text, generate: {faker: {provider: first_name}}}
    - name: rows
      rows: 5000
      columns:
        - {name: parent, type: bigint, nulls: 0.95, references: {table: parents, column: id}}
        - {name: city, type: text, generate: {parent: {via: parent, column: city}}}
        - {name: first, type: text, generate: {parent: {via: parent, column: first}}}
        - {name: word, type: text, nulls: 0.9, generate: {choice: {values: [one, two, three]}}}
        - {name: same, type: text, generate: {constant: same}}
        - {name: note, type: text, generate: {template: "{word} of {same}"}}
        - {name: list, type: "integer[]", nulls: 0.5,
           generate: {array: {of: {integer: {min: 0, max: 9}}}}}
        - {name: words, type: "text[]", generate: {array: {of: {choice: {values: [a, b]}}}}}
        - {name: price, type: "numeric(8,2)", nulls: 0.1}
        - {name: body, type: jsonb, generate: {choice: {values: ['{"a": 1}', '[]']}}}
        - {name: flag, type: boolean, nulls: 0.9}
        - {name: key, type: uuid}
        - {name: seen, type: timestamptz}
        - {name: share, type: double precision}
  destinations: {parquet: {bucket: rowmill}}
"""
_SPEC = load_spec("bytes", text=_MANIFEST)
_GENERATOR = Generator(_SPEC.dataset, {})
_LAYOUT = TableLayout("rows", 5_000, 100, batch_rows=700, part_rows=2_000, group_rows=600)


def content(number: int, cuts: Sequence[int]) -> bytes:
    """A part whose rows arrive in slices that end at these rows of it."""
    table = _SPEC.dataset.table("rows")
    encoding = TableEncoding(_SPEC.dataset, table, "zstd", PORTABLE)
    part = _LAYOUT.part(number)
    sink = io.BytesIO()
    writer = PartWriter(sink, encoding, _LAYOUT, part, 1)
    ends = sorted({cut for cut in cuts if cut < part.rows} | {0, part.rows})
    for start, stop in pairwise(part.start + end for end in ends):
        writer.write([_GENERATOR.batch("rows", start, stop)])
    writer.close()
    return sink.getvalue()


WHOLE = [content(number, ()) for number in range(_LAYOUT.parts)]


@settings(deadline=None, max_examples=40)
@given(
    number=st.integers(0, _LAYOUT.parts - 1),
    cuts=st.lists(st.integers(1, _LAYOUT.part_rows - 1), max_size=12),
    # Short slices are those in which a column may have no value.
    short=st.integers(0, _LAYOUT.part_rows - 20),
)
def test_a_parts_bytes_do_not_tell_in_which_slices_its_rows_arrived(
    number: int, cuts: list[int], short: int
) -> None:
    assert content(number, [*cuts, *range(short, short + 20)]) == WHOLE[number]


def test_row_groups_end_where_the_layout_says_wherever_batches_do() -> None:
    groups = []
    for written in WHOLE:
        metadata = pq.ParquetFile(io.BytesIO(written)).metadata
        groups.append([metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)])
    assert groups == [[600, 600, 600, 200], [600, 600, 600, 200], [600, 400]]
