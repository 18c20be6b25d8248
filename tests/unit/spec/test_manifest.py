"""The typed manifest holds what its author wrote, exactly and unchangeably."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.generators import GenerateSpec, PickSpec
from rowmill.spec.values.types import ColumnType, TypeName
from tests.unit.spec.manifests import VALID, read


@pytest.fixture(scope="module")
def shop() -> Experiment:
    return read((VALID / "shop.yaml").read_text())


def test_fields_of_the_documented_example(shop: Experiment) -> None:
    customers = shop.spec.tables[1]
    age = customers.columns[4]
    assert customers.primary_key == ("id",)
    assert customers.indexes == (("country", "created_at"),)
    assert age.type == ColumnType(TypeName.SMALLINT)
    assert age.nulls == Decimal("0.02")
    assert shop.spec.tables[3].rows_per is not None
    assert shop.spec.tables[3].rows_per.mean == 4
    assert shop.spec.ttl_seconds_after_finished == 86_400


def test_members_of_one_ofs(shop: Experiment) -> None:
    columns = shop.spec.tables[1].columns
    assert columns[0].generate is not None
    member, sequence = columns[0].generate.member
    assert (member, sequence.start, sequence.step) == ("sequence", 1, 1)
    assert columns[2].generate is not None
    assert columns[2].generate.member == ("template", "{name|slug}.{id}@example.com")
    assert columns[3].references is not None
    assert columns[3].references.pick is not None
    name, pick = columns[3].references.pick.member
    assert (name, pick.exponent) == ("zipf", Decimal("1.3"))


def test_member_has_the_name_of_the_manifest() -> None:
    assert PickSpec.model_validate({"oneToOne": {}}).member[0] == "oneToOne"
    assert GenerateSpec.model_validate({"constant": 0}).member == ("constant", 0)
    assert GenerateSpec.model_validate({"constant": ""}).member == ("constant", "")


def test_durations_are_microseconds(shop: Experiment) -> None:
    generate = shop.spec.tables[2].columns[2].generate
    assert generate is not None
    _, after = generate.member
    assert (after.mean, after.min, after.max) == (90 * 86_400_000_000, 0, None)


def test_decimals_are_exact() -> None:
    experiment = read((VALID / "every-kind.yaml").read_text())
    generate = experiment.spec.tables[0].columns[4].generate
    assert generate is not None
    _, number = generate.member
    assert (number.min, number.max) == (Decimal("0.0001"), Decimal(1000))


def test_nothing_changes_once_read(shop: Experiment) -> None:
    with pytest.raises(ValidationError):
        shop.spec.seed = 1
    assert isinstance(shop.spec.tables, tuple)


@pytest.mark.parametrize(
    "raw",
    [
        {"min": True, "max": 2},
        {"min": "1", "max": 2},
        {"min": Decimal("1.5"), "max": 2},
        {"min": 1.0, "max": 2},
        {"min": 1, "max": 2**63},
        {"min": None, "max": 2},
        [1, 2],
    ],
)
def test_nothing_is_coerced(raw: object) -> None:
    with pytest.raises(ValidationError):
        GenerateSpec.model_validate({"integer": raw})


def test_status_is_not_read() -> None:
    applied = read((VALID / "as-kubectl-gives-it.yaml").read_text())
    assert applied.metadata.namespace == "team-a"
    assert applied.spec.suspend is True
