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


def _texts(of: str, others: str = "") -> str:
    return f"""
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: shop}}
spec:
  tables:
    - name: t
      rows: 10
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint}}
        - {{name: v, {of}}}
{others}
  destinations: {{postgres: {{}}}}
"""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_spec("shop", text=_MANIFEST).dataset


def test_a_row_is_its_header_and_its_values(dataset: Dataset) -> None:
    assert heap(dataset, {"a": 1000, "b": 0}) == Extent(1000 * (28 + 16), 1000 * (28 + 18))


def test_what_may_be_null_or_short_is_not_counted_on(dataset: Dataset) -> None:
    assert heap(dataset, {"a": 0, "b": 10}) == Extent(10 * (28 + 10), 10 * (28 + 5 + 10 + 2))


@pytest.mark.parametrize(
    ("of", "least", "likely"),
    [
        ("type: text, generate: {pattern: '[a-zA-Z0-9]{900}'}", 850, 904),
        ("type: text, generate: {pattern: 'a{900}'}", 65, 904),
        ("type: text, generate: {pattern: 'é{100}'}", 65, 204),
        ("type: text, generate: {pattern: '[a-z]{0,200}'}", 1, 101),
        ("type: text, generate: {template: '<{id|pad:900}>'}", 65, 906),
        ("type: text, generate: {choice: {values: [xx, xxxxxx], weights: [3, 1]}}", 3, 4),
        ("type: char(900), generate: {pattern: '[a-z]'}", 65, 904),
        (
            "type: 'text[]', generate: {array: {of: {pattern: '[a-zA-Z0-9]{90}'}, "
            "min: 10, max: 10}}",
            650,
            964,
        ),
        ("type: text, generate: {faker: {provider: text, args: {max_nb_chars: 2000}}}", 65, 1604),
        ("type: text, generate: {faker: {provider: sentence, args: {nb_words: 200}}}", 65, 1304),
        ("type: text, generate: {faker: {provider: password, args: {length: 400}}}", 65, 404),
        ("type: text, generate: {uuid: {version: 4}}", 37, 37),
    ],
)
def test_texts_are_as_long_as_their_kinds_make_them(of: str, least: int, likely: int) -> None:
    told = heap(load_spec("t", text=_texts(of)).dataset, {"t": 1})
    assert least <= told.least - 28 - 8 <= likely
    assert told.likely == 28 + 8 + likely + 2


def test_a_copy_is_as_long_as_what_it_copies() -> None:
    columns = """
        - {name: p, type: bigint, references: {table: t, column: id}}
        - {name: copy, type: text, generate: {parent: v}}"""
    other = f"""
    - name: u
      rows: 10
      columns:{columns.replace("parent: v", "parent: {column: v, via: p}")}
"""
    pattern = "type: text, generate: {pattern: '[a-zA-Z0-9]{900}'}"
    dataset = load_spec("t", text=_texts(pattern, other)).dataset
    assert heap(dataset, {"t": 0, "u": 10}).likely == 10 * (28 + 8 + 904 + 2)
    # Many rows may share it, so a file of it may be small.
    assert objects(dataset, {"t": 0, "u": 1000}).least < 100_000
    assert objects(dataset, {"t": 1000, "u": 0}).least > 600_000


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
