"""Use each library of the worker's image once, so that one that lacks a piece fails its build."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping

import adbc_driver_postgresql.dbapi as adbc
import botocore.session
import psycopg
import pyarrow.parquet as pq

from rowmill.counting import counted
from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.destinations.s3.client import S3Address
from rowmill.generate.rows import Generator
from rowmill.spec.load import load_spec
from rowmill.worker.pools import make_pools

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: smoke}
spec:
  tables:
    - name: people
      rows: 1000
      primaryKey: [id]
      columns:
        - {name: id, type: bigint, generate: {sequence: {}}}
        - {name: name, type: text, generate: {faker: {provider: name}}}
        - {name: trade, type: text, generate: {faker: {provider: job, locale: de_AT, pool: 20}}}
        - {name: born, type: date, nulls: 0.1}
        - {name: total, type: "numeric(10,2)", generate: {lognormal: {mu: 3, sigma: 1}}}
        - {name: tags, type: "text[]", generate: {array: {of: {pattern: "[a-z]{3}"}}}}
  destinations: {postgres: {}}
"""
# No folder of sockets: a connection ends before it reaches anything.
NOWHERE = "/nowhere"
KEYS: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "smoke", "AWS_SECRET_ACCESS_KEY": "smoke"}


def main() -> None:
    """Make rows, encode them for both destinations, make clients; reach nothing."""
    dataset = load_spec("smoke", text=MANIFEST).dataset
    batch = Generator(dataset, make_pools(dataset)).batch("people", 0, 1000)
    copied = b"".join(CopyEncoder(dataset.table("people")).encode([batch]))
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, batch.schema, compression="zstd") as writer:
        writer.write_batch(batch)
    S3Address(lambda: KEYS).client()
    botocore.session.Session().create_client("sts", region_name="us-east-1")
    assert psycopg.pq.version() >= 160000
    # A driver that could not be loaded would say so, and not where it looked for a server.
    assert NOWHERE in _failure_to_connect()
    for module in ("rowmill_job.main", "rowmill_job.work", "rowmill_job.verifying"):
        importlib.import_module(module)
    rows, size = counted(batch.num_rows, "row"), counted(len(copied), "byte")
    print(f"{rows}: {size} to copy, {sink.tell():,} of Parquet")


def _failure_to_connect() -> str:
    try:
        adbc.connect(f"host={NOWHERE}")
    except adbc.OperationalError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
