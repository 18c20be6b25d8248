"""Files that are made from code are as the code makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.generate import MADE

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", MADE)
def test_make_generate_would_change_nothing(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert MADE[path](text) == text, f"run `make generate`: {path} is not as it is made"


def test_golden_cells_are_added_and_never_replaced() -> None:
    made = MADE["tests/unit/generate/golden_examples.json"]
    golden = (ROOT / "tests" / "unit" / "generate" / "golden_examples.json").read_text()
    known = '{"1": {"sequence": "0123456789abcdef"}}'
    assert made(known) == golden.replace(_first_digest(golden), "0123456789abcdef", 1)


def _first_digest(golden: str) -> str:
    return golden.partition('"sequence": "')[2][:16]
