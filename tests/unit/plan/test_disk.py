"""The disk that a load takes, by types and kinds."""

from __future__ import annotations

import pytest

from rowmill.plan.disk import Extent, heap, indexes, objects
from rowmill.spec.dataset import Dataset
from rowmill.spec.load import load_spec

_MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: a
      rows: 1000
      primaryKey: [id]
      indexes: [[size]]
      columns:
        - {name: id, type: bigint}
        - {name: size, type: bigint, generate: {integer: {min: 1, max: 9}}}
    - name: b
      rows: 10
      columns:
        - {name: t, type: text, nulls: 0.5, generate: {pattern: "[a-z]{9}"}}
        - {name: u, type: text, generate: {pattern: "[a-z]{9}"}}
  destinations: {postgres: {}}
"""
ALL = {"a": 1000, "b": 10}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_spec("shop", text=_MANIFEST).dataset


def test_a_row_is_its_header_and_its_values(dataset: Dataset) -> None:
    assert heap(dataset, {"a": 1000, "b": 0}) == Extent(1000 * (28 + 16), 1000 * (28 + 18))


def test_what_may_be_null_or_short_is_not_counted_on(dataset: Dataset) -> None:
    assert heap(dataset, {"a": 0, "b": 10}) == Extent(10 * (28 + 5), 10 * (28 + 10 + 20 + 2))


def test_keys_and_indexes_are_those_of_the_constraints(dataset: Dataset) -> None:
    key = Extent(1000 * 20, int(1000 * 20 / 0.9))
    assert indexes(dataset, "none") == Extent()
    assert indexes(dataset, "keys") == key
    assert indexes(dataset, "all") == key + Extent(6000, key.likely)


def test_of_a_run_that_goes_on_only_the_rest_is_counted(dataset: Dataset) -> None:
    left = {"a": 0, "b": 10}
    assert heap(dataset, left).likely < heap(dataset, ALL).likely / 10
    assert objects(dataset, left).likely < objects(dataset, ALL).likely / 10


def test_of_what_is_there_only_the_rest_is_to_come() -> None:
    assert Extent(300, 700).beyond(400) == Extent(0, 300)


def test_parquet_is_smaller_than_rows(dataset: Dataset) -> None:
    assert objects(dataset, {"a": 1000, "b": 0}) == Extent(1000 * 24 // 20, int(1000 * 24 * 0.3))


@pytest.mark.parametrize(
    ("limit", "present", "grows"),
    [
        (1000, 0, Extent(300, 700)),
        (1000, 400, Extent(100, 600)),
        (1000, 2000, Extent(0, 0)),
        (400, 0, Extent(200, 400)),
    ],
)
def test_a_log_grows_to_its_limit_and_no_further(limit: int, present: int, grows: Extent) -> None:
    assert Extent(300, 700).within(limit, present) == grows
