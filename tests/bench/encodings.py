"""What Parquet costs by its types and statistics: bytes of the objects, processor time to encode.

Each part's rows are made once and encoded in turn in each way, in this process, which does nothing
else; the bytes are counted and let go.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.destinations.lake.parquet_writer import PartWriter
from rowmill.generate.rows import Generator
from rowmill.local.planning import plan_for
from rowmill.plan.layout import Part, TableLayout
from rowmill.spec.dataset import Dataset, ParquetTypes, Table
from rowmill.spec.load import Overrides, load_spec
from rowmill.worker.pools import make_pools
from rowmill.worker.shard import make
from tests.bench.env import ROOT
from tests.bench.figures import Figure, Samples

RUNS = 5
# About two million rows each; of the larger a table has a whole part.
_MANIFESTS = (("examples/shop.yaml", "0.2"), ("examples/wide.yaml", "0.2"))
_COMPRESSION = "zstd"


class _AtFirst(TableEncoding):
    """As 0.1 was first written: statistics of what is delta-packed alone, pages by Arrow's rule."""

    def options(self, first: pa.Schema) -> dict[str, Any]:
        options = super().options(first)
        for pages in ("write_batch_size", "max_rows_per_page", "data_page_size"):
            del options[pages]
        return options | {
            "write_statistics": _delta_packed(options["column_encoding"]),
            "dictionary_pagesize_limit": 4 * 2**20,
        }


def _delta_packed(encodings: dict[str, str]) -> list[str]:
    return [path for path, encoding in encodings.items() if encoding == "DELTA_BINARY_PACKED"]


Way = Callable[[Dataset, Table], TableEncoding]
_WAYS: dict[str, Way] = {
    "portable": lambda whole, table: TableEncoding(
        whole, table, _COMPRESSION, ParquetTypes.PORTABLE
    ),
    "native": lambda whole, table: TableEncoding(whole, table, _COMPRESSION, ParquetTypes.NATIVE),
    "at first": lambda whole, table: _AtFirst(whole, table, _COMPRESSION, ParquetTypes.NATIVE),
}


@dataclass
class Cost:
    """Of one way: bytes of all objects, and the processor's seconds of each round."""

    bytes: int = 0
    seconds: list[float] = field(default_factory=list)


def measure(runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Encode the examples in each way, `runs` times in turn."""
    return [
        figure for manifest, scale in _MANIFESTS for figure in _measured(manifest, scale, runs, say)
    ]


def _measured(manifest: str, scale: str, runs: int, say: Callable[[str], None]) -> Iterator[Figure]:
    spec = load_spec(ROOT / manifest, overrides=Overrides(scale=scale))
    dataset = spec.dataset
    layouts = plan_for(spec, workers=2, batch_rows=None).tables
    generator = Generator(dataset, make_pools(dataset))
    costs = {way: Cost(seconds=[0.0] * runs) for way in _WAYS}
    for table, layout in zip(dataset.tables, layouts, strict=True):
        encodings = {way: build(dataset, table) for way, build in _WAYS.items()}
        for number in range(layout.parts):
            part = layout.part(number)
            slices = [piece for b in layout.batches_of(part) for piece in make(generator, b)]
            writes = {way: _writing(encodings[way], layout, part, slices) for way in _WAYS}
            _encode_in_turn(writes, costs, runs)
    rows = sum(layout.rows for layout in layouts)
    say(f"  encoded {manifest} in {len(_WAYS)} ways")
    yield from _figures(manifest, rows, costs)


def _writing(
    encoding: TableEncoding, layout: TableLayout, part: Part, slices: list[pa.RecordBatch]
) -> Callable[[], int]:
    """Writes the part and returns its bytes."""

    def write() -> int:
        sink = io.BytesIO()
        writer = PartWriter(sink, encoding, layout, part, 1)
        writer.write(slices)
        writer.close()
        return sink.tell()

    return write


def _encode_in_turn(
    writes: dict[str, Callable[[], int]], costs: dict[str, Cost], runs: int
) -> None:
    for turn in range(runs):
        for way in writes if turn % 2 == 0 else reversed(writes):
            began = time.process_time()
            size = writes[way]()
            costs[way].seconds[turn] += time.process_time() - began
            costs[way].bytes += size if turn == 0 else 0


def _figures(manifest: str, rows: int, costs: dict[str, Cost]) -> Iterator[Figure]:
    before = costs["at first"]
    seconds = {way: Samples.of(cost.seconds).median for way, cost in costs.items()}
    what = f"{manifest}, {rows:,} rows, as `types: portable` (the default)"
    against = "native types with statistics of integers and times alone, as at first"
    alone = "the statistics of all columns by themselves"
    yield Figure(
        f"bytes of the Parquet objects of {what}, against {against}",
        "reported",
        f"{costs['portable'].bytes / before.bytes:.3f} times: "
        f"{costs['portable'].bytes / 1e6:.2f} MB against {before.bytes / 1e6:.2f}; "
        f"{alone} {costs['native'].bytes / before.bytes:.3f} times",
    )
    yield Figure(
        "processor time for encoding them, per million rows",
        "reported",
        f"{seconds['portable'] / seconds['at first']:.2f} times: "
        f"{_per_million(costs['portable'], rows)} against {_per_million(before, rows)}; "
        f"{alone} {seconds['native'] / seconds['at first']:.2f} times",
    )


def _per_million(cost: Cost, rows: int) -> str:
    return Samples.of([each / rows * 1e6 for each in cost.seconds]).text(2, "core-s")
