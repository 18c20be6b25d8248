"""What fills columns that say nothing, by each data version.

After a deliberate change of the rules of an open data version N:
`python tests/unit/spec/test_inference.py N` writes its file anew.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inferred_cases import NAMES, draft_of, golden

from rowmill.spec.drafts import ColumnDraft
from rowmill.spec.inference import default_entity, infer, v1
from rowmill.spec.manifest_kinds import GenerateSpec
from rowmill.spec.versions import VERSIONS


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
