"""Pools that the package does not ship: made once, kept content-addressed beside the ledger."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from rowmill.destinations.ledger import Pools
from rowmill.generate.pools.key import PoolKey
from rowmill.generate.pools.required import make_pool, required_pools
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Dataset
from rowmill.spec.problems import ImpossibleColumns

_COLUMN = "value"


def ensure_pools(dataset: Dataset, kept: Pools) -> dict[PoolKey, pa.Array]:
    """The pools that `dataset` needs, made and stored if the ledger lacks them.

    Raises:
        ImpossibleColumns: no value of a provider fits its column.
    """
    return {key: _ensured(key, kept) for key in required_pools(dataset)}


def check_columns(dataset: Dataset, pools: Mapping[PoolKey, pa.Array]) -> Generator:
    """Make the first row of every table, so that what cannot be made fails before any is written.

    Returns:
        The generator that made them: what it drew up for that need not be drawn up again.

    Raises:
        ImpossibleColumns: with each table's reason.
    """
    generator = Generator(dataset, pools)
    problems = []
    for table in dataset.tables:
        try:
            generator.batch(table.name, 0, min(1, table.rows))
        except ValueError as error:
            problems.append(f"table {table.name}: {error}")
    if problems:
        raise ImpossibleColumns("\n".join(problems))
    return generator


def load_pools(dataset: Dataset, kept: Pools) -> dict[PoolKey, pa.Array]:
    """The pools that prepare stored.

    Raises:
        LookupError: one is missing: prepare did not run, or somebody removed it.
    """
    return {key: _load(key, kept) for key in required_pools(dataset)}


def make_pools(dataset: Dataset) -> dict[PoolKey, pa.Array]:
    """The same pools made on the spot, for a preview without a ledger; raises alike."""
    return {key: _made(key) for key in required_pools(dataset)}


def _ensured(key: PoolKey, kept: Pools) -> pa.Array:
    content = kept.find(key.digest)
    if content is not None:
        return _from_bytes(content)
    pool = _made(key)
    kept.store(key.digest, _to_bytes(pool))
    return pool


def _made(key: PoolKey) -> pa.Array:
    try:
        return make_pool(key)
    except ValueError as error:
        raise ImpossibleColumns(str(error)) from None


def _load(key: PoolKey, kept: Pools) -> pa.Array:
    content = kept.find(key.digest)
    if content is None:
        raise LookupError(f"the ledger lost the pool of {key.provider!r}; run again to make it")
    return _from_bytes(content)


def _to_bytes(pool: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_arrays([pool], names=[_COLUMN])
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _from_bytes(content: bytes) -> pa.Array:
    return pa.ipc.open_stream(content).read_all().column(_COLUMN).combine_chunks()
