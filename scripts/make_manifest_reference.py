"""What docs/manifest.md has from the manifest's own model and from the kinds; see generate.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rowmill.spec.crd.json_schema import json_schema
from rowmill.spec.rules.uniqueness import unique_kinds

TARGET = Path(__file__).parent.parent / "docs" / "manifest.md"
MARK = "<!-- From here on written by scripts/make_manifest_reference.py. -->"

# What stands between is written by it too.
UNIQUE_KINDS = ("<!-- kinds that can be unique -->", "<!-- so far -->")

# What the API server writes; a person does not.
_NOT_WRITTEN = ("Set by the API server.", "Written by the operator; not read.")
# The sections in their order; kinds and picks are rows of their section.
_HEADINGS = {
    "Metadata": "`metadata`",
    "ExperimentSpec": "`spec`",
    "TableSpec": "`spec.tables[]`",
    "ColumnSpec": "`columns[]` of a table",
    "TargetSpec": "`references` of a column",
    "ForeignKeySpec": "`foreignKeys[]` of a table",
    "KeyTargetSpec": "`references` of a foreign key",
    "RowsPerSpec": "`rowsPer` of a table",
    "PickSpec": "`pick`: how a parent row is chosen",
    "GenerateSpec": "`generate`: how cells are made",
    "DestinationsSpec": "`spec.destinations`",
    "PostgresSpec": "`spec.destinations.postgres`",
    "ParquetSpec": "`spec.destinations.parquet`",
    "ResourcesSpec": "`spec.resources`",
    "ResourceListSpec": "`requests` and `limits`",
    "PodTemplateSpec": "`spec.podTemplate`",
    "SecurityContextSpec": "`securityContext`",
    "TolerationSpec": "`tolerations[]`",
}
_PATTERNS = {"(ms|s|m|h|d)": "duration", "^https?://": "URL"}

Schema = Mapping[str, Any]


def reference() -> str:
    """The tables of all fields, as Markdown."""
    schema = json_schema()
    definitions = schema["$defs"]
    sections = [_section("The document", schema, definitions)]
    for name, heading in _HEADINGS.items():
        sections.append(_section(heading, definitions[name], definitions))
    return "\n\n".join(sections) + "\n"


def with_reference(document: str) -> str:
    """The document with the kinds that can be unique, and all after the mark, written anew."""
    start, end = UNIQUE_KINDS
    before, _ = _divided(document, start)
    after, _ = _divided(_divided(document, end)[1], MARK)
    return f"{before}{start}{unique_kinds()}{end}{after}{MARK}\n\n{reference()}"


def _divided(document: str, mark: str) -> tuple[str, str]:
    before, found, after = document.partition(mark)
    if not found:
        raise ValueError(f"{TARGET} lacks {mark}")
    return before, after


def _section(heading: str, schema: Schema, definitions: Schema) -> str:
    lines = [f"## {heading}", ""]
    if schema.get("maxProperties") == 1:
        return "\n".join([*lines, *_members(schema, definitions)])
    if "description" in schema and heading != "The document":
        lines += [schema["description"], ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    lines += [_row([f"`{name}`", *cells]) for name, *cells in _fields(schema, definitions)]
    return "\n".join(lines)


def _members(schema: Schema, definitions: Schema) -> Iterator[str]:
    """One member and its parameters after the other."""
    yield "| member | parameter | type | default | meaning |"
    yield "|---|---|---|---|---|"
    for name, field in schema["properties"].items():
        inner = _resolved(field, definitions)
        text = inner.get("description") if "$ref" in field else field.get("description")
        if inner.get("type") != "object":
            yield _row([f"**`{name}`**", "", _type(field, definitions), "", str(text)])
            continue
        yield _row([f"**`{name}`**", "", "", "", str(text)])
        for parameter, *cells in _fields(inner, definitions):
            yield _row(["", f"`{parameter}`", *cells])


def _fields(schema: Schema, definitions: Schema) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and meaning of the fields that a person writes."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        text = field.get("description") or _resolved(field, definitions).get("description", "")
        if text in _NOT_WRITTEN:
            continue
        default = "required" if name in required else _default(field)
        yield name, _type(field, definitions), default, text


def _default(field: Schema) -> str:
    default = field.get("default")
    if default is None or default == "":
        return ""
    if isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"


def _type(field: Schema, definitions: Schema) -> str:
    if "$ref" in field:
        inner = definitions[field["$ref"].rpartition("/")[2]]
        return "one member" if inner.get("maxProperties") == 1 else "mapping"
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        return " or ".join(_type(option, definitions) for option in field["anyOf"])
    kind = field.get("type")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    if kind == "array":
        items, words = field["items"], _type(field["items"], definitions)
        return f"list of {words if 'enum' in items else _plural(words)}"
    if kind == "object":
        return "mapping"
    if kind == "string":
        pattern = field.get("pattern", "")
        return next((word for part, word in _PATTERNS.items() if part in pattern), "text")
    return _number(field, "true or false" if kind == "boolean" else str(kind))


def _number(field: Schema, word: str) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if "exclusiveMinimum" in field:
        return f"{word} above {_shown(field['exclusiveMinimum'])}"
    # The ends of bigint go without saying.
    if high is not None and abs(high) < 2**62:
        return f"{word}, {_shown(low)} to {_shown(high)}"
    return f"{word}, at least {_shown(low)}" if low is not None and abs(low) < 2**62 else word


def _shown(number: Any) -> str:
    return f"{int(number):,}" if number == int(number) else str(number)


def _plural(words: str) -> str:
    """`integers or texts` of `integer, at least 0 or text`; limits of items are left out."""
    if words.startswith("list of "):
        return words.replace("list", "lists", 1)
    return " or ".join(f"{word.partition(',')[0]}s" for word in words.split(" or "))


def _resolved(field: Schema, definitions: Schema) -> Schema:
    if "$ref" not in field:
        return field
    found: Schema = definitions[field["$ref"].rpartition("/")[2]]
    return found


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
