"""Every kind of cell and of pick has its version and its builder."""

from __future__ import annotations

from typing import get_args

import pytest

from rowmill.generate.cells.builders import BUILDERS
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Pick
from rowmill.spec.kind import Kind, Uniform
from rowmill.spec.versions import DEFAULT, VERSIONS, version_of
from tests.unit.generate.text_datasets import column, dataset


def test_every_kind_has_a_builder() -> None:
    assert set(BUILDERS) == set(get_args(Kind))


@pytest.mark.parametrize("data_version", VERSIONS)
def test_every_data_version_knows_every_kind_and_pick(data_version: int) -> None:
    names = {kind.key for kind in (*get_args(Kind), *get_args(Pick))}
    rules = {"nulls", "inference", "providers", "pools", "widths"}
    assert names | rules == set(VERSIONS[data_version])


def test_a_class_may_be_renamed() -> None:
    one = dataset([column("number", "bigint", Uniform(1, 9, 0))], rows=100)
    before = Generator(one).batch("t", 0, 100)
    name = Uniform.__name__
    Uniform.__name__ = "Even"
    try:
        assert Generator(one).batch("t", 0, 100) == before
    finally:
        Uniform.__name__ = name


def test_released_versions_stay() -> None:
    """Data version 1 is closed: to change a kind, change the open version."""
    assert set(VERSIONS[1].values()) == {1}
    assert version_of(2, "sequence") == 1
    with pytest.raises(ValueError, match="dataVersion 0 is unknown to this release; it knows 1, 2"):
        version_of(0, "sequence")


def test_an_open_version_is_taken_only_where_it_is_named() -> None:
    assert DEFAULT == 1
