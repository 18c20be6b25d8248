"""Every problem is told with its line and the names of its table and column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rowmill.spec.load import load_spec
from rowmill.spec.places import located
from rowmill.spec.problems import InvalidManifest, Problem

TEXT = """\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: orders
      rows: 10
      columns:
        - {name: id, type: bigint}
        - name: "the total"
          type: integer
          generate:
            integer: {min: 5,
                      max: 1}
        - {name: note, typ: text}
    - rows: 3
      primaryKey: [gone]
      columns:
        - {name: id, type: bigint}
  destinations: {postgres: {}}
"""


def _problems(text: str) -> list[tuple[str, int | None, str]]:
    with pytest.raises(InvalidManifest) as caught:
        load_spec("", text=text)
    return [(problem.path, problem.line, problem.name) for problem in caught.value.problems]


def test_lines_and_names_of_shape() -> None:
    found = _problems(TEXT)
    assert ("spec.tables[0].columns[2].typ", 15, "orders.note") in found
    # What is missing has the line of what lacks it.
    assert ("spec.tables[1].name", 16, "") in found


def test_lines_and_names_of_meaning() -> None:
    text = TEXT.replace("typ: text", "type: text").replace(
        "- rows: 3", "- {name: t}\n    - rows: 3"
    )
    text = TEXT.replace("typ: text", "type: text").replace("rows: 3", "name: other\n      rows: 3")
    assert _problems(text) == [
        ("spec.tables[0].columns[1].generate.integer.min", 13, 'orders."the total"'),
        ("spec.tables[1].primaryKey[0]", 18, "other"),
    ]


def test_the_place_stands_before_the_path() -> None:
    told = Problem("spec.tables[0].rows", "is wrong", line=7, name="orders").text
    assert told == "orders, line 7: spec.tables[0].rows: is wrong"
    assert Problem("spec.seed", "is wrong", line=7).text == "line 7: spec.seed: is wrong"
    assert Problem("", "the manifest is empty").text == "the manifest is empty"
    assert Problem("", "is no number", line=2).text == "line 2: is no number"
    with pytest.raises(InvalidManifest) as caught:
        load_spec("", text=TEXT.replace("rows: 10", "rows: many"))
    assert 'orders, line 7: spec.tables[0].rows: "many" is text' in str(caught.value)


def test_json_has_lines_and_one_line_of_it_none() -> None:
    document = yaml.safe_load(TEXT.replace("typ: text", "type: text"))
    written = json.dumps(document, indent=1)
    line = written[: written.index('"integer": {')].count("\n") + 2
    assert ("spec.tables[0].columns[1].generate.integer.min", line, 'orders."the total"') in (
        _problems(written.replace('"rows": 3,', '"name": "t", "rows": 3,'))
    )
    assert {place for _, place, _ in _problems(json.dumps(document))} == {None}
    assert {name for _, _, name in _problems(json.dumps(document))} == {
        "",
        'orders."the total"',
    }


def test_the_lines_are_those_of_the_experiment_among_several_documents() -> None:
    text = "kind: Secret\nspec:\n  seed: 1\n---\nkind: Experiment\nspec:\n  seed: 2\n"
    [problem] = located([Problem("spec.seed", "is wrong")], text)
    assert problem.line == 7
    [problem] = located([Problem("spec.seed", "is wrong")], "# only\n---\nspec:\n  seed: 2\n")
    assert problem.line == 4


def test_aliases_merges_and_odd_keys_have_the_nearest_line() -> None:
    text = "a: &x\n  b: {c: 1}\nd: *x\ne:\n  <<: *x\n  ? [k]\n  : 2\n  f: 3\n"
    paths = ["a.b.c", "d.b.c", "e.b.c", "e.f", "gone"]
    lines = [p.line for p in located([Problem(path, "") for path in paths], text)]
    assert lines == [2, 3, 4, 8, None]


def test_every_problem_of_the_corpus_has_its_line() -> None:
    for path in sorted((Path(__file__).parent / "invalid").glob("*.yaml")):
        with pytest.raises(InvalidManifest) as caught:
            load_spec(path)
        size = len(path.read_text(encoding="utf-8").splitlines())
        for problem in caught.value.problems:
            if problem.path and problem.path not in ("apiVersion", "kind", "metadata", "spec"):
                assert problem.line is not None, (path.stem, problem)
                assert 1 < problem.line <= size


@pytest.mark.parametrize("place", ["table", "column", "value"])
def test_what_is_told_is_short_whatever_the_manifest_holds(place: str) -> None:
    long = "x" * 5_000
    column: dict[str, Any] = {"name": long if place == "column" else "a", "type": "inet"}
    column |= {"generate": {"choice": {"values": [long if place == "value" else "::1"]}}}
    name = long if place == "table" else "t"
    spec = {"tables": [{"name": name, "rows": 1, "columns": [column]}]}
    document = yaml.safe_load(TEXT) | {"spec": spec | {"destinations": {"postgres": {}}}}
    with pytest.raises(InvalidManifest) as caught:
        load_spec("test", text=json.dumps(document))
    assert len(str(caught.value)) < 300
    assert all(len(str(problem.as_json())) < 400 for problem in caught.value.problems)


def test_json_with_characters_in_two_halves_is_located() -> None:
    document = json.dumps(yaml.safe_load(TEXT)).replace("shop", r"\ud83d\ude00")
    assert ("spec.tables[0].columns[2].typ", None, "orders.note") in _problems(document)


@pytest.mark.parametrize("opening", ["[", "{a: ", "{? ", "- "])
def test_a_text_deeper_than_any_manifest_is_not_followed_to_its_end(
    opening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[yaml.Event] = []

    def counting(text: str, **options: Any) -> Iterator[yaml.Event]:
        for event in parse(text, **options):
            read.append(event)
            yield event

    parse = yaml.parse
    monkeypatch.setattr(yaml, "parse", counting)
    problem = Problem("", "more than 64 levels")
    assert located([problem], opening * 2_000) == (problem,)
    assert len(read) < 300
