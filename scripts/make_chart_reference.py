"""The table of values in the chart's README, from its values.yaml's comments; see generate.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

CHART = Path(__file__).parent.parent / "helm" / "rowmill"
TARGET = CHART / "README.md"
MARK = "<!-- From here on written by scripts/make_chart_reference.py. -->"
# A comment that begins so documents the value below it, whole.
_DOCUMENTS = "# -- "


def with_reference(document: str) -> str:
    """The README with everything after the mark written anew."""
    head, mark, _ = document.partition(MARK)
    if not mark:
        raise ValueError(f"{TARGET} lacks the line {MARK}")
    rows = [
        "| value | default | meaning |",
        "|---|---|---|",
        *(f"| `{path}` | `{_shown(default)}` | {text} |" for path, default, text in values()),
    ]
    return f"{head}{mark}\n\n" + "\n".join(rows) + "\n"


def values() -> Iterator[tuple[str, object, str]]:
    """Path, default and meaning of every documented value, in the file's order.

    Raises:
        ValueError: a value has no comment.
    """
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    yield from _below("", node, yaml.safe_load(text), text.splitlines())


def _below(
    path: str, node: yaml.MappingNode, defaults: dict[str, object], lines: list[str]
) -> Iterator[tuple[str, object, str]]:
    for key, value in node.value:
        name = f"{path}{key.value}"
        default = defaults[key.value]
        comment = _comment_above(key.start_mark.line, lines)
        if comment is not None:
            yield name, default, comment
        elif isinstance(value, yaml.MappingNode) and value.value:
            assert isinstance(default, dict)
            yield from _below(f"{name}.", value, default, lines)
        else:
            raise ValueError(f"values.yaml: {name} has no comment that begins with {_DOCUMENTS!r}")


def _comment_above(line: int, lines: list[str]) -> str | None:
    """The comment right above a line (counted from 0) if it documents the value there."""
    block: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        text = lines[line].strip()
        if text.startswith(_DOCUMENTS):
            return " ".join([text.removeprefix(_DOCUMENTS), *block])
        block.insert(0, text.removeprefix("#").strip())
    return None


def _shown(default: object) -> str:
    return json.dumps(default, ensure_ascii=False)
