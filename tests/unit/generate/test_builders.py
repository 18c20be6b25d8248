"""Every kind of cell and of pick has its version and its builder."""

from __future__ import annotations

from typing import get_args

import pytest

from rowmill.generate.cells.builders import BUILDERS
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Pick
from rowmill.spec.kinds import ENTRIES, Kind, Reference, Template, Uniform
from rowmill.spec.versions import DEFAULT, VERSIONS, Rule, version_of
from tests.unit.generate.text_datasets import column, dataset

KINDS: set[type[Kind]] = {Reference, *(entry.kind for entry in ENTRIES)}


def test_every_kind_has_a_builder() -> None:
    assert set(BUILDERS) == KINDS


def test_a_kind_is_two_files_of_one_name() -> None:
    files = {kind: kind.__module__.removeprefix("rowmill.spec.kinds.") for kind in KINDS}
    assert len(set(files.values())) == len(KINDS)
    assert {
        kind: {
            build.__module__.removeprefix("rowmill.generate.cells.")
            for build in BUILDERS[kind].versions.values()
        }
        for kind in KINDS
    } == {kind: {file} for kind, file in files.items()}


@pytest.mark.parametrize("data_version", VERSIONS)
def test_data_versions_name_nothing_but_kinds_picks_and_rules(data_version: int) -> None:
    names = {kind.key for kind in (*KINDS, *get_args(Pick))}
    rules = {"nulls", "inference", "providers", "pools", "widths"}
    assert set(VERSIONS[data_version]) <= names | rules


def test_a_version_without_a_builder_fails_at_import() -> None:
    with pytest.raises(TypeError, match="Template has no builder of its version 2"):
        CellBuilder(Template, {1: BUILDERS[Template].versions[1]})


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
    assert VERSIONS[1] == {}
    assert version_of(1, "template") == 1
    assert version_of(2, "sequence") == 1
    with pytest.raises(ValueError, match="dataVersion 0 is unknown to this release; it knows 1, 2"):
        version_of(0, "sequence")


def test_whatever_a_version_names_is_a_kind_a_pick_or_a_rule() -> None:
    known = {entry.key for entry in ENTRIES} | {pick.key for pick in get_args(Pick)}
    known |= set(get_args(Rule))
    assert {name for names in VERSIONS.values() for name in names} <= known


def test_an_open_version_is_taken_only_where_it_is_named() -> None:
    assert DEFAULT == 1
