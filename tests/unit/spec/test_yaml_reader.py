"""YAML documents are read as kubectl reads them, or refused with a line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rowmill.spec.problems import InvalidManifest
from rowmill.spec.yaml.reader import MAX_BYTES, MAX_DEPTH, read_documents


def _value(text: str) -> object:
    (document,) = read_documents(text)
    assert document.problems == []
    return document.value


def _problems(text: str) -> list[str]:
    (document,) = read_documents(text)
    return [str(problem) for _, problem in document.problems]


def _refusal(text: str) -> str:
    with pytest.raises(InvalidManifest) as caught:
        read_documents(text)
    return str(caught.value)


def test_values_of_every_sort() -> None:
    text = """
a: {b: [1, two, "3", '4', 0.5, ~, yes]}
block: |
  5
folded: >-
  true
"""
    assert _value(text) == {
        "a": {"b": [1, "two", "3", "4", Decimal("0.5"), None, True]},
        "block": "5\n",
        "folded": "true",
    }


@pytest.mark.parametrize("text", ["'yes'", '"1e6"', "!!str 12", "|-\n  null", ">-\n  0x10"])
def test_quoted_and_block_text_is_never_resolved(text: str) -> None:
    assert isinstance(_value(text), str)


def test_json_is_yaml() -> None:
    assert _value('{"a": [1, 2.5, true, null, "x\\u00e9"]}') == {
        "a": [1, Decimal("2.5"), True, None, "xé"]
    }


def test_documents_and_their_lines() -> None:
    documents = read_documents("# head\na: 1\n---\nb: 2\n---\n")
    assert [(d.line, d.value) for d in documents] == [(2, {"a": 1}), (3, {"b": 2}), (5, None)]
    assert read_documents("# nothing\n") == ()


def test_anchors_aliases_and_merges() -> None:
    text = """
base: &base {x: 1, v: 2}
other: &other {v: 9, z: 3}
same: *base
wider: {<<: *base, v: 5}
both: {<<: [*base, *other]}
"""
    assert _value(text) == {
        "base": {"x": 1, "v": 2},
        "other": {"v": 9, "z": 3},
        "same": {"x": 1, "v": 2},
        "wider": {"x": 1, "v": 5},
        "both": {"x": 1, "v": 2, "z": 3},
    }


def test_quoted_merge_key_is_a_plain_key() -> None:
    assert _value('{"<<": 1}') == {"<<": 1}


def test_merge_that_readers_disagree_on_is_refused() -> None:
    (message,) = _problems("a: &a {x: 1}\nb:\n  x: 2\n  <<: *a\n")
    assert message.startswith("b.x: is given in line 3 and again by << in line 4")


def test_an_anchor_may_be_set_again() -> None:
    assert _value("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_all_problems_of_single_values_are_found_at_once() -> None:
    assert _problems("a: .nan\nb: !x 1\nb: 2\n? [c]\n: 3\nd: 99999999999999999999\n") == [
        "a: .nan is no number that a manifest can hold; write a finite number",
        "b: has the tag !x; leave it out",
        "b: is given twice, in lines 2 and 3; keep one",
        "has a list as a key in line 4; a key must be text",
        "d: 99999999999999999999 is outside the integers that a manifest can hold, "
        "-9223372036854775808 to 9223372036854775807; where text is accepted, put it in quotes",
    ]


def test_spelling_of_booleans_is_kept_by_path() -> None:
    (document,) = read_documents("a: [yes, 'no', x]\nb: {c: Off}\n")
    assert document.spellings == {("a", 0): "yes", ("b", "c"): "Off"}


@pytest.mark.parametrize("levels", [9, 30])
def test_exploding_aliases_are_refused_quickly(levels: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    assert "aliases stand for more than" in _refusal("\n".join(lines))


def test_exploding_merges_are_refused() -> None:
    sources = ", ".join(["*m"] * 200)
    lines = ["m: &m {" + ", ".join(f"k{i}: 1" for i in range(100)) + "}"]
    lines += [f"n{i}: {{<<: [{sources}]}}" for i in range(50)]
    assert "aliases stand for more than" in _refusal("\n".join(lines))


def test_repeated_merges_are_refused() -> None:
    lines = ["m: &m {" + ", ".join(f"k{i}: 1" for i in range(10_000)) + "}", "n:"]
    lines += ["  <<: *m"] * 80_000
    assert "aliases stand for more than" in _refusal("\n".join(lines))


def test_aliases_below_the_limit_are_written_out() -> None:
    value = _value("a: &a [1, 2]\nb: [*a, *a]\n")
    assert value == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "{? ", "? "])
def test_depth_is_bounded(opening: str) -> None:
    assert f"more than {MAX_DEPTH} levels" in _refusal(opening * 100_000)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"a\\\uD83D\uDE00\ud83d\ude01", "a\\\U0001f600\U0001f601"),
        # An escaped backslash, and then text.
        (r"\\ud83d\\ude00", r"\ud83d\ude00"),
    ],
)
def test_json_may_write_a_character_in_two_halves(written: str, read: str) -> None:
    assert _value(f'\n {{"a": "{written}", "b": ["{written}"]}}') == {"a": read, "b": [read]}


def test_other_yaml_than_json_has_no_halves() -> None:
    assert _value(r"{a: \ud83d\ude00}") == {"a": r"\ud83d\ude00"}
    assert "not YAML" in _refusal(r'a: "\ud83d\ude00"')
    assert "not YAML" in _refusal(r'{"a": "\ud83d"}')


@pytest.mark.parametrize("text", ["a: *NAME", "a: &NAME [*NAME]"])
def test_a_long_anchor_is_cut(text: str) -> None:
    assert len(_refusal(text.replace("NAME", "x" * 5_000))) < 200


def test_a_text_that_is_just_small_enough() -> None:
    text = "a: " + "x" * (MAX_BYTES - 3)
    assert _value(text) == {"a": "x" * (MAX_BYTES - 3)}
    assert "1 MiB" in _refusal(text + "x")


def test_syntax_errors_name_line_and_column() -> None:
    assert _refusal("é: 1\nb: [1\n").startswith("line 2, column 4: this is not YAML: ")
    assert "a tab begins a token; indent with spaces" in _refusal("a:\n\t- b\n")
    assert "text cannot begin with `" in _refusal("a: `x`\n")


def test_characters_that_yaml_forbids() -> None:
    assert _refusal('a: é\nb: "\x01"\n').startswith(
        "line 2: YAML does not allow the character U+0001"
    )
    assert "half a character" in _refusal("a: \ud800")
