"""Pydantic's errors as problems of a manifest, in our words: what is wrong, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from rowmill.spec.manifest_fields import Model
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import Problem

_CREDENTIAL = re.compile("pass|secret|token|credential|key|user", re.IGNORECASE)

# Sections that are Kubernetes's business, in which null is as good as absent.
_FOREIGN: tuple[Path, ...] = (
    ("metadata",),
    ("status",),
    ("spec", "podTemplate", "affinity"),
    ("spec", "podTemplate", "topologySpreadConstraints"),
)
_EMPTY = "is empty; give a value ({} where there is nothing to say), or leave the field out"


def structural_problems(
    error: ValidationError | None,
    raw: object,
    model: type[Model],
    spellings: Mapping[Path, str],
) -> list[tuple[Path, Problem]]:
    """What is wrong with `raw` by the model alone, in document order, each with its path.

    `error` is what `model` said of it, None if nothing; `spellings` says how booleans were written.
    """
    nulls = list(_nulls(raw, ()))
    found = dict.fromkeys(nulls, _EMPTY)
    for details in error.errors(include_url=False) if error is not None else ():
        path = _path(details["loc"])
        unknown = details["type"] == "extra_forbidden"
        if (path in found and not unknown) or _is_echo(details, path, nulls):
            continue
        message = _message(details, path, model, spellings)
        found[path] = message if path else f"the manifest {message}"
    order = sorted(found, key=lambda path: position(raw, path))
    return [(path, Problem(path_text(path), found[path])) for path in order]


def position(value: object, path: Path) -> tuple[int, ...]:
    """Where in the document a path is: a field that is not there comes after those that are."""
    position: list[int] = []
    for part in path:
        if isinstance(value, dict):
            keys = list(value)
            position.append(keys.index(part) if part in value else len(keys))
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            position.append(part)
            value = value[part]
    return tuple(position)


def _path(loc: tuple[int | str, ...]) -> Path:
    # Pydantic marks a wrong key of a mapping by a further part.
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _is_echo(details: Mapping[str, Any], path: Path, nulls: list[Path]) -> bool:
    """Whether an error only repeats one that lies deeper: of an empty member, of a wrong item."""
    if details["type"] == "too_short":
        return len(details["input"]) > 0
    return details["type"] == "rowmill" and any(n[: len(path)] == path != n for n in nulls)


def _nulls(value: object, path: Path) -> Iterator[Path]:
    if path in _FOREIGN:
        return
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _nulls(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _nulls(inner, (*path, index))


def _message(
    details: Mapping[str, Any], path: Path, model: type[Model], spellings: Mapping[Path, str]
) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, model)
    if kind == "missing":
        return f"is missing; {_wanted_field(path, model)}"
    spelling = spellings.get(path)
    if kind in _WANTED:
        return _wrong_type(_WANTED[kind], value, spelling)
    if kind == "literal_error" and isinstance(value, bool):
        return _wrong_type(f"text; right is {_choices(context)}", value, spelling)
    if kind in _LIMITS:
        return _LIMITS[kind](value, context)
    if kind == "rowmill":
        return str(context["message"])
    if kind == "rowmill_value":
        return f"{shown(value)} {context['message']}"
    return f"{shown(value)} is not right here"


# By pydantic's type of error: what would be right.
_WANTED = {
    "string_type": "text",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "bool_type": "true or false",
    "number_type": "a number",
    "is_instance_of": "a number",
    "int_or_string": "an integer or text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_LIMITS: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda value, c: f"{shown(value)} is too small; at least {c['ge']}",
    "greater_than": lambda value, c: f"{shown(value)} is too small; more than {c['gt']}",
    "less_than_equal": lambda value, c: f"{shown(value)} is too large; at most {c['le']}",
    "less_than": lambda value, c: f"{shown(value)} is too large; less than {c['lt']}",
    "string_too_short": lambda value, c: (
        f"{shown(value)} is too short; at least {_count(c['min_length'], 'character')}"
    ),
    "string_too_long": lambda value, c: f"has {len(value)} characters; at most {c['max_length']}",
    "too_short": lambda value, c: f"is an empty list; at least {_count(c['min_length'], 'item')}",
    "too_long": lambda value, c: f"has {len(value)} items; at most {c['max_length']}",
    "literal_error": lambda value, c: f"is {shown(value)}; right is {_choices(c)}",
}


def _choices(context: Mapping[str, Any]) -> str:
    return str(context["expected"]).replace("'", "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _wrong_type(wanted: str, value: object, spelling: str | None) -> str:
    if isinstance(value, bool) and "text" in wanted:
        word = shown(value)
        written = spelling if spelling is not None else word
        if written == word:
            return f"{word} is a boolean, not {wanted}; put it in quotes"
        return f"{written} is read by YAML as {word}, not as text; put it in quotes"
    if isinstance(value, dict | list):
        return f"is {shown(value)}; right is {wanted}"
    if not isinstance(value, str) and wanted in ("text", "an integer or text"):
        return f"{shown(value)} is a number, not {wanted}; put it in quotes"
    if isinstance(value, str) and wanted in ("a number", "an integer", "true or false"):
        return f"{shown(value)} is text; right is {wanted}, without quotes"
    return f"is {shown(value)}; right is {wanted}"


def _unknown(path: Path, model: type[Model]) -> str:
    fields = _fields(_model_at(path[:-1], model))
    name = str(path[-1])
    if path == ("spec", "schema"):
        return "schema input is not supported yet; list the tables under spec.tables"
    folded = {known.lower().replace("_", ""): known for known in fields}
    near = difflib.get_close_matches(name.lower().replace("_", ""), folded, n=1, cutoff=0.6)
    if near:
        return f"is not a field here; did you mean {folded[near[0]]}?"
    if "secretName" in fields and _CREDENTIAL.search(name):
        return "is not a field here; credentials belong in a Secret, which secretName names"
    if not fields:
        return "is not a field here; none is, write {}"
    return f"is not a field here; the fields are {', '.join(fields)}"


def _wanted_field(path: Path, model: type[Model]) -> str:
    owner = _model_at(path[:-1], model)
    described = next(
        field.description or ""
        for name, field in owner.model_fields.items()
        if (field.alias or name) == path[-1]
    ).rstrip(".")
    return f"give {described[:1].lower()}{described[1:]}"


def _fields(model: type[Model]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(path: Path, model: type[Model]) -> type[Model]:
    """The model of the mapping at a path of fields and indexes."""
    for part in path:
        if isinstance(part, str):
            annotation = next(
                field.annotation
                for name, field in model.model_fields.items()
                if (field.alias or name) == part
            )
            model = next(_models_in(annotation))
    return model


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
