from __future__ import annotations

import os

import pytest

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers
from tests.integration.verify.published_data import PublishedData

# Parts of one batch; rows with a key, rows without one, and a table that references another.
MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: to-verify}
spec:
  seed: 11
  tables:
    - name: customers
      rows: 3000
      primaryKey: [id]
      columns:
        - {name: id, type: bigint, generate: {sequence: {start: 100, step: 7}}}
        - {name: name, type: text, generate: {faker: {provider: name}}}
        - {name: note, type: text, nulls: 0.3, generate: {choice: {values: ["", "some", " "]}}}
        - {name: tags, type: "text[]", generate: {array: {of: {pattern: "[a-z]{2}"}, max: 3}}}
        - {name: balance, type: "numeric(10,2)", generate: {number: {min: 0, max: 99999}}}
        - {name: seen, type: timestamptz, nulls: 0.1}
    - name: keyless
      rows: 2500
      columns:
        - {name: a, type: integer, generate: {integer: {min: 0, max: 1000000}}}
        - {name: b, type: text, generate: {pattern: "[a-z]{12}"}}
        - {name: c, type: double precision, generate: {normal: {mean: 0, stddev: 1}}}
    - name: orders
      rowsPer: {table: customers, mean: 1.5, max: 4}
      primaryKey: [customer, line]
      columns:
        - {name: customer, type: bigint, references: {table: customers, column: id}}
        - {name: line, type: smallint, generate: {ordinal: {}}}
        - {name: ref, type: uuid, unique: true, generate: {uuid: {version: 4}}}
        - {name: city, type: text, generate: {faker: {provider: city}}}
  destinations:
    postgres: {schema: to-verify, constraints: none}
    parquet: {bucket: rowmill, prefix: to-verify/}
"""


@pytest.fixture(scope="session")
def data(servers: EmbeddedServers, home: Home) -> PublishedData:
    """The manifest's data, published once; tests mend what they damage."""
    # Each process of a parallel session has an experiment of its own on the same servers.
    return PublishedData(MANIFEST.replace("to-verify", f"to-verify-{os.getpid()}"), home)
