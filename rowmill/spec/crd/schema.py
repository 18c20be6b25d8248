"""JSON Schema of a model as Kubernetes wants it: structural, without references and defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rowmill.spec.crd.json_schema import model_schema
from rowmill.spec.crd.rules import RULES, SIZES
from rowmill.spec.yaml.scalars import INT64

Schema = Mapping[str, Any]

# How often a model that holds itself is written out, one in the other; below it anything is taken.
MAX_DEPTH = 2
# Said to Kubernetes in another way: by pruning, by rules, or not at all.
_LEFT_OUT = ("$defs", "description", "default", "additionalProperties", "propertyNames", "not")


def structural_schema(model: type) -> dict[str, Any]:
    """The structural schema (apiextensions.k8s.io/v1) of a model or dataclass, with its rules.

    Every `$ref` is written out; a field's own description comes before that of its model.
    """
    schema = model_schema(model)
    return _Writer(schema["$defs"]).model(model.__name__, schema)


def rules(name: str) -> list[dict[str, str]]:
    """The CEL rules of the model of that name, as `x-kubernetes-validations`."""
    return [
        {"rule": rule.rule, "message": rule.message}
        | ({} if rule.field is None else {"fieldPath": rule.field})
        for model, found in RULES.items()
        for rule in found
        if model.__name__ == name
    ]


class _Writer:
    def __init__(self, definitions: Schema, above: tuple[str, ...] = ()) -> None:
        self._definitions = definitions
        self._above = above

    def model(self, name: str, schema: Schema) -> dict[str, Any]:
        found = self._written(schema)
        for (owner, field), size in SIZES.items():
            if owner.__name__ == name:
                found["properties"][field]["maxItems"] = size
        if of := rules(name):
            found["x-kubernetes-validations"] = of
        return found

    def _written(self, schema: Schema) -> dict[str, Any]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            definition = self._definitions[name]
            if self._above.count(name) >= MAX_DEPTH:
                return {**_anything(definition), **_description(schema)}
            below = _Writer(self._definitions, (*self._above, name)).model(name, definition)
            return {**below, **_description(schema)}
        if "anyOf" in schema:
            return {**_description(schema), "x-kubernetes-int-or-string": True}
        found = _description(schema)
        for word, value in schema.items():
            if word == "const":
                found["enum"] = [value]
            elif word == "exclusiveMinimum":
                found |= {"minimum": value, "exclusiveMinimum": True}
            elif word == "items":
                found["items"] = self._written(value)
            elif word == "properties":
                found["properties"] = {name: self._written(of) for name, of in value.items()}
            elif word == "additionalProperties" and isinstance(value, Mapping):
                found["additionalProperties"] = self._written(value)
            elif word not in _LEFT_OUT and not _goes_without_saying(word, value):
                found[word] = value
        if found["type"] == "integer":
            found["format"] = "int64"
        if found["type"] == "array":
            # As sets or maps they would cost managed fields more than the API server stores.
            found.setdefault("x-kubernetes-list-type", "atomic")
        return found


def _anything(definition: Schema) -> dict[str, Any]:
    """A mapping of which the operator alone says what is wrong with it."""
    return {
        **_description(definition),
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }


def _description(schema: Schema) -> dict[str, Any]:
    if "description" not in schema:
        return {}
    # In words alone: a default that the API server filled in would be noise in every list.
    default = schema.get("default", "")
    known = "" if default == "" else f" Default: {json.dumps(default)}."
    return {"description": f"{schema['description']}{known}"}


def _goes_without_saying(word: str, value: object) -> bool:
    """The ends of int64, which the format says exactly and a bound as a float would not."""
    return (word, value) in (("minimum", INT64[0]), ("maximum", INT64[1]))
