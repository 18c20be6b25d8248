"""What docs/api.md has from the API's OpenAPI document, a table a tag; see generate.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rowmill.console.app import description

TARGET = Path(__file__).parent.parent / "docs" / "api.md"
MARK = "<!-- From here on written by scripts/make_api_reference.py. -->"
_PREFIX = "/api"
# What a call may be answered with whatever it is, which the page tells once.
_ANY_CALL = ("4XX", "5XX")
# Beyond so much the end of a bigint is meant, which goes without saying.
_ENDLESS = 2**62
# Of what a call carries it is left unsaid: there one leaves out what one does not mean.
_NULL = " or null"

Schema = Mapping[str, Any]


def with_reference(page: str) -> str:
    """The page with all after the mark written anew.

    Raises:
        ValueError: it has no mark.
    """
    before, found, _ = page.partition(MARK)
    if not found:
        raise ValueError(f"{TARGET} lacks {MARK}")
    sections = "\n\n".join("\n".join(lines) for lines in _sections(description()))
    return f"{before}{MARK}\n\n{sections}\n"


def _sections(document: Schema) -> Iterator[list[str]]:
    calls = [
        (verb, path, call)
        for path, verbs in document["paths"].items()
        for verb, call in verbs.items()
    ]
    tags = dict.fromkeys(tag for _, _, call in calls for tag in call["tags"])
    yield ["## Every call", "", *_path_parameters(calls)]
    for tag in tags:
        yield [
            f"### {tag}",
            "",
            "| call | what it does | parameters | body | answers |",
            "|---|---|---|---|---|",
            *(_row(_cells(*each)) for each in calls if tag in each[2]["tags"]),
        ]
    schemas = document["components"]["schemas"]
    yield [
        "## Every field",
        "",
        "| name | what it is | fields |",
        "|---|---|---|",
        *(
            _row([f"`{name}`", _sentence(schema), _fields(schema)])
            for name, schema in sorted(schemas.items())
            if name != "HTTPValidationError"
        ),
    ]


def _path_parameters(calls: Iterable[tuple[str, str, Schema]]) -> Iterator[str]:
    """Those in the paths, once each: they mean the same in all."""
    known = {
        each["name"]: f"`{{{each['name']}}}`: {_told(each)}"
        for _, _, call in calls
        for each in call.get("parameters", ())
        if each["in"] == "path"
    }
    yield f"Paths begin with `{_PREFIX}`. In them stand:"
    yield ""
    yield from (f"- {told}" for told in known.values())


def _cells(verb: str, path: str, call: Schema) -> list[str]:
    parameters = [
        f"`{each['name']}`{' (header)' if each['in'] == 'header' else ''}"
        f"{' (required)' if each.get('required') else ''}: {_told(each)}"
        for each in call.get("parameters", ())
        if each["in"] != "path"
    ]
    return [
        f"`{verb.upper()} {path.removeprefix(_PREFIX)}`",
        call["description"].replace("\n", " "),
        "<br>".join(parameters),
        _contents(call.get("requestBody", {}).get("content", {})),
        "<br>".join(_answers(call["responses"])),
    ]


def _told(parameter: Schema) -> str:
    """What a parameter means, its type with its bounds, and its default."""
    schema = parameter["schema"]
    told, default = parameter.get("description", "").rstrip("."), schema.get("default")
    notes = _type(schema)
    if default not in (None, "", False):
        notes += f"; by default {_shown(default)}"
    return f"{told} ({notes})" if told else notes


def _answers(responses: Schema) -> Iterator[str]:
    for status, answer in sorted(responses.items()):
        if status not in _ANY_CALL:
            contents = _contents(answer.get("content", {})) or HTTPStatus(int(status)).phrase
            headers = "".join(f", `{name}`" for name in answer.get("headers", {}))
            yield f"{status}: {contents}{headers}"


def _contents(contents: Schema) -> str:
    return " or ".join(
        _type(content["schema"])
        if kind == "application/json" and "$ref" in str(content["schema"])
        else f"`{kind}`"
        for kind, content in contents.items()
    )


def _fields(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    required = schema.get("required", ())
    return ", ".join(
        f"`{name}` {_type(field) if name in required else _optional(field)}"
        for name, field in schema.get("properties", {}).items()
    )


def _optional(field: Schema) -> str:
    default = field.get("default")
    told = "optional" if default is None else f"by default {_shown(default)}"
    return f"{_type(field).removesuffix(_NULL)} ({told})"


def _type(schema: Schema) -> str:
    """In words, with bounds; a shape by its name."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        options = [each for each in schema["anyOf"] if each.get("type") != "null"]
        nullable = len(options) < len(schema["anyOf"]) and "description" not in schema
        return " or ".join(map(_type, options)) + (_NULL if nullable else "")
    match schema.get("type"):
        case "array":
            most = schema.get("maxItems")
            return f"list of {_type(schema['items'])}" + (f", to {most:,}" if most else "")
        case "string":
            if schema.get("format") == "date-time":
                return "time"
            most = schema.get("maxLength")
            return f"text to {most:,} characters" if most else "text"
        case "integer" | "number" as kind:
            return f"{kind}{_bounds(schema)}"
        case "boolean":
            return "true or false"
        case "object":
            return "mapping"
        case _:
            return "any value"


def _bounds(schema: Schema) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    least = _shown(low) if low is not None and abs(low) < _ENDLESS else None
    most = _shown(high) if high is not None and abs(high) < _ENDLESS else None
    if above is not None:
        return f" above {_shown(above)}" + (f", to {most}" if most else "")
    if least is not None and most is not None:
        return f", {least} to {most}"
    return f", at least {least}" if least is not None else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value).lower()
    return f"{int(value):,}" if value == int(value) else str(value)


def _sentence(schema: Schema) -> str:
    return " ".join(schema.get("description", "").split())


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
