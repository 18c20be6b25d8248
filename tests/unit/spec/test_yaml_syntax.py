"""What is no YAML is shown: the line, a mark under the place, and what is likely wrong."""

from __future__ import annotations

import pytest

from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.yaml.reader import read_documents

HEAD = "kind: Experiment\n"
INDENTATION = "indent it like the line that it belongs beside"
TOGETHER = "indent the lines that belong together alike"
CASES = {
    "deeper than a value": (
        "spec:\n  seed: 1\n   scale: 2\n",
        (4, 4),
        f"an indentation of 3 spaces, where a line can have 0 or 2; {INDENTATION}",
    ),
    "below a list item": (
        "spec:\n  tables:\n    - name: a\n       rows: 1\n",
        (5, 8),
        f"an indentation of 7 spaces, where a line can have 0, 2, 4 or 6; {INDENTATION}",
    ),
    "between two levels": (
        "spec:\n    seed: 1\n  scale: 2\n",
        (4, 3),
        f"an indentation of 2 spaces, where a line can have 0 or 4; {INDENTATION}",
    ),
    "an item beside keys": (
        "spec:\n  seed: 1\n  - name: b\n",
        (4, 3),
        "a list item where a key is wanted; indent it below its key, as the items above",
    ),
    "a key beside items": (
        "spec:\n  - a: 1\n  b: 2\n",
        (4, 3),
        "a key where a list item is wanted; begin it with '- ', or mend the indentation",
    ),
    "a tab": ("spec:\n\tseed: 1\n", (3, 1), "a tab begins a token; indent with spaces"),
    "a tab below a value": (
        "spec:\n  a: 1\n\tseed: 1\n",
        (4, 1),
        "a tab begins a token; indent with spaces",
    ),
    "a quote never closed": (
        'spec:\n  a: "abc\n  b: 3\n',
        (3, 6),
        "the quote that opens here is never closed; close it",
    ),
    "a quote closed by the next": (
        'spec:\n  - {name: "a, type: text}\n  - {name: "b", type: text}\n',
        (3, 12),
        "the quote that opens here closes only in line 4; is one missing before?",
    ),
    "an open brace": (
        "spec:\n  - {name: a, type: b\n  - {name: c}\n",
        (3, 5),
        "the { that opens here is not closed by a }, or a comma is missing before line 4",
    ),
    "no comma": (
        "spec: [a, {b: 1 'c': 2}]\n",
        (2, 20),
        "a comma or the closing } is missing before this, or text wants quotes",
    ),
    "no space behind a colon": (
        "spec:\n  seed:1\n  scale: 2\n",
        (3, 3),
        "this line has no ': '; write a key, a colon and a space before its value",
    ),
    "no colon": (
        "spec:\n  tables:\n    - name: a\n      rows 200\n      columns: []\n",
        (5, 7),
        "this line has no ': '; write a key, a colon and a space before its value",
    ),
    "no space behind a colon, within": (
        "spec:\n  tables:\n    - name: a\n      rows:200\n      # of them\n      columns: []\n",
        (5, 7),
        "this line has no ': '; write a key, a colon and a space before its value",
    ),
    "no colon at the end": (
        "spec:\n  seed: 1\n  scale 2\n",
        (4, 3),
        "this line has no ': '; write a key, a colon and a space before its value",
    ),
    "no colon in an item": (
        "spec:\n  - name a\n    rows: 1\n",
        (3, 5),
        "this line has no ': '; write a key, a colon and a space before its value",
    ),
    "outdented amid its like": (
        "metadata:\n  name: a\nspec:\n  scale: 1\nseed: 1\n  locale: en_US\n",
        (6, 1),
        f"an indentation of 0 spaces, where line 7 goes on with 2; {TOGETHER}",
    ),
    "outdented as the first": (
        "metadata:\n  name: a\nspec:\nseed: 1\n  locale: en_US\n",
        (5, 1),
        f"an indentation of 0 spaces, where line 6 goes on with 2; {TOGETHER}",
    ),
    "outdented with what is below it": (
        "spec:\n    seed: 1\n  tables:\n      - name: a\n    scale: 2\n",
        (4, 3),
        f"an indentation of 2 spaces, where a line can have 0 or 4; {INDENTATION}",
    ),
    "outdented with what is below it, to a level that is there": (
        "spec:\n  seed: 1\ntables:\n    - name: a\n  scale: 2\n",
        (4, 1),
        f"an indentation of 0 spaces, where line 6 goes on with 2; {TOGETHER}",
    ),
    "two colons": (
        "spec: b: c\n",
        (2, 8),
        "a second ': '; put text that holds ': ' in quotes, or mend the indentation",
    ),
    "a pattern": (
        "spec:\n  pattern: [A-Z]{3}\n",
        (3, 17),
        "text goes on behind the closing ]; put the whole of it in quotes",
    ),
    "a template": (
        "spec:\n  template: {a}.{b}\n",
        (3, 16),
        "text goes on behind the closing }; put the whole of it in quotes",
    ),
    "an escape": (
        'spec:\n  pattern: "\\d+"\n',
        (3, 13),
        "\\d is no escape in double quotes; write the text in single quotes",
    ),
    "a backtick": ("spec: `x`\n", (2, 7), "text cannot begin with `; put it in quotes"),
    "a star": ("spec: *.x\n", (2, 7), "text cannot begin with *; put it in quotes"),
}


def _problem(text: str) -> Problem:
    with pytest.raises(InvalidManifest) as caught:
        read_documents(text)
    [problem] = caught.value.problems
    return problem


@pytest.mark.parametrize(("text", "place", "what"), CASES.values(), ids=CASES)
def test_the_cause_is_told_and_the_line_shown(text: str, place: tuple[int, int], what: str) -> None:
    problem = _problem(HEAD + text)
    line, column = place
    assert problem.message == f"line {line}, column {column}: this is not YAML: {what}"
    assert problem.line == line
    shown, mark = problem.excerpt.split("\n")
    assert shown == "  " + (HEAD + text).split("\n")[line - 1].replace("\t", "→")
    assert mark == " " * (column + 1) + "^"
    assert problem.text == f"{problem.message}\n{problem.excerpt}"


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    text = '{"kind": "Experiment", ' + '"a": 1, ' * 100 + '"b" 2' + ', "c": 3' * 100 + "}"
    shown, mark = _problem(text).excerpt.split("\n")
    assert len(shown) == 102
    assert shown[mark.index("^")] == "2"


@pytest.mark.parametrize(
    "text",
    [
        'PGHOST: db\nPGPASSWORD: "hunter2\n',
        "kind: Experiment\nspec:\n  password: hunter2: x\n",
        "kind: Experiment\nspec:\n  token:\n    hunter2: x: y\n",
        'kind: Experiment\n---\nkind: Secret\nstringData:\n  a: "hunter2\n',
        'kind: Secret\nstringData:\n  a: "hunter2" x\n---\nkind: Experiment\n',
    ],
)
def test_a_line_that_may_hold_a_credential_is_not_shown(text: str) -> None:
    problem = _problem(text)
    assert problem.excerpt == ""
    assert "hunter2" not in problem.text


def test_fields_that_only_sound_secret_are_shown() -> None:
    assert "primaryKey" in _problem(HEAD + "spec:\n  primaryKey: [id: x\n").excerpt
