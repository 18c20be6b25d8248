"""Counts read as people write them, in every sentence: 1 row, 2 rows, 10,000 rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from rowmill.counting import counted

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("rowmill", "operator", "job_image")
    for path in (ROOT / folder).rglob("*.py")
]
NOUNS = (
    "batches|characters|columns|combinations|decimals|digits|documents|elements|items|parents|pods|"
    "ranks|references|rows|shards|strings|tables|values|weights|workers"
)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (10_000, "10,000 rows")]
)
def test_a_count_has_its_number_and_the_noun_that_goes_with_it(number: int, text: str) -> None:
    assert counted(number, "row") == text


def bare_counts(tree: ast.AST) -> Iterator[str]:
    """Nouns in the plural behind a number that may be one."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for number, text in pairwise(parts):
            if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant):
                constant = isinstance(number.value, ast.Name) and number.value.id.isupper()
                found = re.match(rf" (?:{NOUNS})\b(?!/)", str(text.value))
                if found and not constant:
                    yield ast.unparse(number) + found[0]


def test_a_bare_count_is_found() -> None:
    tree = ast.parse("f'has {rows:,} rows'; f'has {counted(rows, word)}; {MOST} rows'")
    assert len(list(bare_counts(tree))) == 1


def test_no_sentence_has_a_bare_count() -> None:
    assert SOURCES
    found = [
        f"{path.relative_to(ROOT)}: {each}"
        for path in SOURCES
        for each in bare_counts(ast.parse(path.read_text()))
    ]
    assert found == []
