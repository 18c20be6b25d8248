"""What fills columns that say nothing, by each data version.

After a deliberate change of the rules of an open data version N:
`python -m tests.unit.spec.test_inference N` writes its file anew.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rowmill.spec.drafts import ColumnDraft
from rowmill.spec.inference import default_entity, infer, v1
from rowmill.spec.manifest.generators import GenerateSpec
from rowmill.spec.versions import VERSIONS
from tests.unit.spec.inferred_cases import MANY_ROWS, NAMES, draft_of, golden


def file_of(data_version: int) -> Path:
    return Path(__file__).with_name(f"golden_inference_{data_version}.json")


def inferred(data_version: int) -> dict[str, Any]:
    def generator(column: ColumnDraft, locale: str) -> GenerateSpec:
        return infer(column, locale, data_version).generate

    return golden(generator, partial(default_entity, data_version=data_version))


def text(data_version: int) -> str:
    return json.dumps(inferred(data_version), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("data_version", VERSIONS)
def test_what_is_inferred_is_that_of_the_golden_file(data_version: int) -> None:
    assert inferred(data_version) == json.loads(file_of(data_version).read_text("utf-8"))


def test_the_golden_files_have_every_name_that_counts() -> None:
    assert {name for rule in v1.BY_NAME for name in rule.names.split()} <= set(NAMES)


def unique(name: str, kind: str = "text", rows: int = 1_000, data_version: int = 2) -> object:
    column = draft_of(name, kind, unique=True, rows=rows)
    return infer(column, "en_US", data_version).generate.member[1]


def test_in_version_2_a_unique_text_looks_like_what_its_name_says() -> None:
    assert unique("sku") == unique("item_sku", "varchar(9)") == "[A-Z]{3}-[0-9]{5}"
    assert unique("home_phone") == r"\+[1-9][0-9] [0-9]{3} [0-9]{8}"
    assert unique("sku", data_version=1) == unique("thing") == "[a-z0-9]{16}"


def test_it_has_a_value_for_each_row_and_fits_its_type() -> None:
    assert unique("sku", rows=MANY_ROWS) == "[A-Z]{4}-[0-9]{8}"
    assert unique("sku", "varchar(9)", rows=MANY_ROWS) == "[a-z0-9]{9}"
    assert unique("currency", rows=26**3) == "[A-Z]{3}"
    assert unique("currency", rows=26**3 + 1) == "[a-z0-9]{16}"


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("item_sku", "text", "by its name, `sku`"),
        ("ID", "bigint", "by its name, `id`"),
        ("order_id", "bigint", "by its type, bigint"),
        ("thing", "varchar(9)", "by its type, varchar(9)"),
        ("city", "text[]", "by its type, text[]"),
    ],
)
def test_why_it_is_inferred_is_said_in_a_phrase(name: str, kind: str, reason: str) -> None:
    column = draft_of(name, kind, unique=False, rows=3)
    assert infer(column, "en_US", 1).reason == reason


if __name__ == "__main__":
    file_of(int(sys.argv[1])).write_text(text(int(sys.argv[1])), encoding="utf-8")
