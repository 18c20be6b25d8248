"""Paths are written as the messages show them, and read back."""

from __future__ import annotations

import pytest

from rowmill.spec.paths import Path, name_text, path_of, path_text, shown


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec", "tables", 1, "columns", 20, "generate"), "spec.tables[1].columns[20].generate"),
        (("metadata", "ephemeral-storage"), "metadata.ephemeral-storage"),
        ((0, 1, "a"), "[0][1].a"),
    ],
)
def test_paths_there_and_back(path: Path, text: str) -> None:
    assert path_text(path) == text
    assert path_of(text) == path


def test_keys_that_are_no_words_are_quoted() -> None:
    assert path_text(("a", "b.c", "")) == 'a["b.c"][""]'
    assert path_text(("a\nb",)) == '["a\\u000ab"]'


def test_what_is_longer_than_any_name_is_cut() -> None:
    assert path_text(("a", "x" * 64)) == 'a["' + "x" * 60 + '..."]'
    assert name_text("x" * 64) == '"' + "x" * 60 + '..."'
    assert name_text("x" * 63) == path_text(("x" * 63,)) == "x" * 63


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        (1.5, "1.5"),
        ("é☃", '"é☃"'),
        ("\x1b[31m\n", '"\\u001b[31m\\u000a"'),
        ("x" * 61, '"' + "x" * 60 + '..."'),
        (10**100, "1" + "0" * 59),
    ],
)
def test_values_are_shown_short_and_printable(value: object, text: str) -> None:
    assert shown(value) == text
