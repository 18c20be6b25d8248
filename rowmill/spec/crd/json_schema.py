"""The JSON Schema of a manifest, for editors that check and complete while one types."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.values.durations import PATTERN, duration_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of an Experiment, as plain JSON values.

    It says all that holds of one field; what holds between fields is for `rowmill validate`.
    """
    return {"$schema": DIALECT, "title": "Rowmill Experiment", **model_schema(Experiment)}


def model_schema(model: type) -> dict[str, Any]:
    """The schema of a model or of a dataclass, those that it refers to by name in its `$defs`."""
    schema = TypeAdapter(model).json_schema(by_alias=True, schema_generator=_Generator)
    for definition in (schema, *schema["$defs"].values()):
        del definition["title"]
    return schema


class _Generator(GenerateJsonSchema):
    """Pydantic's generator without nulls and made-up titles, and with decimals as numbers."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        found: JsonSchemaValue = {"type": "number"}
        given: Mapping[str, Any] = schema
        limits = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le"}
        return found | {word: given[ours] for word, ours in limits.items() if ours in given}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if default is None or default == ():
            return inner
        if inner.get("pattern") == PATTERN:
            return {**inner, "default": duration_text(default)}
        if isinstance(default, Decimal):
            default = int(default) if default == default.to_integral_value() else float(default)
        if isinstance(default, tuple):
            default = list(default)
        return {**inner, "default": default}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False
