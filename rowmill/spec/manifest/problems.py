"""Pydantic's errors as problems of a manifest, in our words: what is wrong, what would be right."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

from pydantic import ValidationError

from rowmill.counting import counted
from rowmill.near_names import near_name
from rowmill.spec.fields import Model
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import Problem

_CREDENTIAL = re.compile("pass|secret|token|credential|key|user", re.IGNORECASE)

# Kubernetes takes null for absent in what is its own.
_NULL_IS_ABSENT: tuple[Path, ...] = (("metadata",), ("status",))

# Nobody mends more at a time, and a hostile manifest has half a million.
MAX_PROBLEMS = 1_000

_EMPTY = "is empty; give a value ({} where there is nothing to say), or leave the field out"


@dataclass(frozen=True)
class Fault:
    """A problem of the document's shape: what stands at `path` cannot be used.

    Of an unknown field, which is `extra`, `meant` is the path that was probably meant, if the
    document has nothing else there.
    """

    path: Path
    problem: Problem
    extra: bool = False
    meant: Path | None = None


def structural_faults(
    error: ValidationError | None,
    raw: object,
    model: type[Model],
    spellings: Mapping[Path, str],
) -> Iterator[Fault]:
    """What is wrong with `raw` by the model alone, in document order.

    `error` is what `model` said of it, None if nothing; `spellings` says how booleans were written.
    Of very many only the first MAX_PROBLEMS are told.
    """
    nulls = set(_nulls(raw, ()))
    above = {null[:length] for null in nulls for length in range(len(null))}
    found: dict[Path, Mapping[str, Any] | None] = dict.fromkeys(nulls)
    for details in error.errors(include_url=False) if error is not None else ():
        path = _path(details["loc"])
        unknown = details["type"] == "extra_forbidden"
        if (path in found and not unknown) or _is_echo(details, path in above):
            continue
        found[path] = details
    together = {} if error is None else dict(_together(raw, model, ()))
    for rest in [path for path in found if _is_rest_of_type(path, raw)]:
        del found[rest]
    for path in together.keys() - found.keys() - above:
        found[path] = {"type": "rowmill", "input": None, "ctx": {"message": together[path]}}
    # Each that is left out below is told by another one of these.
    first = heapq.nsmallest(2 * MAX_PROBLEMS, found, key=positions(raw))
    meant = {p: _meant(p, raw, model) for p in first if _kind(found[p]) == "extra_forbidden"}
    # What is missing there is under the other name.
    there = {p for p in meant.values() if p is not None and _kind(found.get(p)) == "missing"}
    for path in islice((p for p in first if p not in there), MAX_PROBLEMS):
        kept = found[path]
        message = _message(kept, path, model, spellings) if kept is not None else _EMPTY
        problem = Problem(path_text(path), message if path else f"the manifest {message}")
        yield Fault(path, problem, path in meant, meant.get(path))


def _is_rest_of_type(path: Path, raw: object) -> bool:
    """Whether a field is what a comma has cut off from a type without quotes: `numeric(5`, `1)`."""
    rest = str(path[-1]) if path else ""
    if rest.count(")") <= rest.count("("):
        return False
    here: Any = raw
    for step in path[:-1]:
        here = here[step]
    cut = here.get("type") if isinstance(here, dict) and here.get(rest) is None else None
    return isinstance(cut, str) and cut.count("(") > cut.count(")")


def _kind(details: Mapping[str, Any] | None) -> str | None:
    return None if details is None else str(details["type"])


def _together(value: object, model: type[Model], path: Path) -> Iterator[tuple[Path, str]]:
    """What is wrong with fields of one mapping together, which pydantic asks of sound ones only."""
    if not isinstance(value, dict):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    given = {name for name, inner in value.items() if inner is not None}
    what = model.together([name for name in fields if name in given], given - fields.keys())
    if what is not None:
        yield path, what
    for name in fields.keys() & value.keys():
        inner_model = next(_models_in(fields[name].annotation), None)
        if inner_model is None:
            continue
        inner = value[name]
        if isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _together(item, inner_model, (*path, name, index))
        else:
            yield from _together(inner, inner_model, (*path, name))


def _meant(path: Path, raw: object, model: type[Model]) -> Path | None:
    """Where the value of an unknown field probably belongs, if nothing is there."""
    near = _near(str(path[-1]), _fields(_model_at(path[:-1], model)))
    if near is None:
        return None
    here: Any = raw
    for step in path[:-1]:
        here = here[step]
    return None if near in here else (*path[:-1], near)


def positions(raw: object) -> Callable[[Path], tuple[int, ...]]:
    """A key to sort paths by: where in the document each is, a missing field after those there."""
    known: dict[int, dict[str, int]] = {}

    def position(path: Path) -> tuple[int, ...]:
        value, found = raw, []
        for part in path:
            if isinstance(value, dict) and isinstance(part, str):
                if id(value) not in known:
                    known[id(value)] = {key: place for place, key in enumerate(value)}
                found.append(known[id(value)].get(part, len(value)))
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                found.append(part)
                value = value[part]
        return tuple(found)

    return position


def _path(loc: tuple[int | str, ...]) -> Path:
    # Pydantic marks a wrong key of a mapping by a further part.
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _is_echo(details: Mapping[str, Any], above_null: bool) -> bool:
    """Whether an error only repeats one that lies deeper: of an empty member, of a wrong item."""
    if details["type"] == "too_short":
        return len(details["input"]) > 0
    return details["type"] == "rowmill" and above_null


def _nulls(value: object, path: Path) -> Iterator[Path]:
    if path in _NULL_IS_ABSENT:
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
        return _wrong_type(f"text; expected {_choices(context)}", value, spelling)
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
        f"{shown(value)} is too short; at least {counted(c['min_length'], 'character')}"
    ),
    "string_too_long": lambda value, c: (
        f"has {counted(len(value), 'character')}; at most {c['max_length']:,}"
    ),
    "too_short": lambda value, c: f"is an empty list; at least {counted(c['min_length'], 'item')}",
    "too_long": lambda value, c: f"has {counted(len(value), 'item')}; at most {c['max_length']:,}",
    "literal_error": lambda value, c: f"is {shown(value)}; expected {_choices(c)}",
}


def _choices(context: Mapping[str, Any]) -> str:
    return str(context["expected"]).replace("'", "")


def _wrong_type(wanted: str, value: object, spelling: str | None) -> str:
    if isinstance(value, bool) and "text" in wanted:
        word = shown(value)
        written = spelling if spelling is not None else word
        if written == word:
            return f"{word} is a boolean, not {wanted}; put it in quotes"
        return f"{written} is read by YAML as {word}, not as text; put it in quotes"
    if isinstance(value, dict | list):
        return f"is {shown(value)}; expected {wanted}"
    if not isinstance(value, str) and wanted in ("text", "an integer or text"):
        return f"{shown(value)} is a number, not {wanted}; put it in quotes"
    if isinstance(value, str) and wanted in ("a number", "an integer", "true or false"):
        return f"{shown(value)} is text; expected {wanted}, without quotes"
    return f"is {shown(value)}; expected {wanted}"


def _unknown(path: Path, model: type[Model]) -> str:
    fields = _fields(_model_at(path[:-1], model))
    name = str(path[-1])
    if path == ("spec", "schema"):
        return "schema input is not supported yet; list the tables under spec.tables"
    if near := _near(name, fields):
        return f"is not a field here; did you mean {near}?"
    if "secretName" in fields and _CREDENTIAL.search(name):
        return "is not a field here; credentials belong in a Secret, which secretName names"
    if not fields:
        return "is not a field here; none is, write {}"
    return f"is not a field here; the fields are {', '.join(fields)}"


def _near(name: str, fields: list[str]) -> str | None:
    folded = {known.lower().replace("_", ""): known for known in fields}
    near = near_name(name.lower().replace("_", ""), folded)
    return None if near is None else folded[near]


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
