"""The types of the manifest's fields: what a scalar may be, and the message when it is not."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from rowmill.spec.values.durations import MAX_LENGTH, PATTERN, parse_duration
from rowmill.spec.values.moments import WEEKDAY_NAMES, WeekdayName
from rowmill.spec.values.types import ACCEPTED, ColumnType, parse_type
from rowmill.spec.yaml.scalars import INT64

MAX_NAME_BYTES = 63
LONGEST_TYPE = 63


class Model(BaseModel):
    """One mapping of the manifest: no unknown field, no coercion, never changed once read."""

    model_config = ConfigDict(
        defer_build=True,
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
    )

    @classmethod
    def together(cls, given: Sequence[str], unknown: Set[str]) -> str | None:
        """What is wrong with the fields that are given, taken together; None if nothing is.

        `unknown` are the names that are no fields here: each may be another one, misspelt.
        """
        return None


class JoinedModel(Model):
    """A mapping of which `together` says more than its single fields do."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        fields = type(self).model_fields
        given = [
            field.alias or name
            for name, field in fields.items()
            if name in self.model_fields_set and getattr(self, name) is not None
        ]
        if (what := self.together(given, frozenset())) is not None:
            raise problem(what)
        return self


class OneOf(JoinedModel):
    """A mapping with exactly one member, whose name says what its value is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @classmethod
    def together(cls, given: Sequence[str], unknown: Set[str]) -> str | None:
        """That there is more than one member, or none."""
        if len(given) > 1:
            return f"has {len(given)} members ({', '.join(given)}); keep exactly one"
        if given or unknown:
            return None
        fields = [field.alias or name for name, field in cls.model_fields.items()]
        return f"is empty; give exactly one of {', '.join(fields)}"

    @property
    def member(self) -> tuple[str, Any]:
        """The one member: its name in the manifest and its value (a model, text or a literal)."""
        (name,) = (name for name in self.model_fields_set if getattr(self, name) is not None)
        return type(self).model_fields[name].alias or name, getattr(self, name)


def problem(message: str) -> PydanticCustomError:
    """An error whose text reaches the manifest's author as it is."""
    return PydanticCustomError("rowmill", "{message}", {"message": message})


def value_problem(message: str) -> PydanticCustomError:
    """An error whose text reaches the author after the value: `"5x" is no duration; ...`."""
    return PydanticCustomError("rowmill_value", "{message}", {"message": message})


@dataclass(frozen=True)
class Matching:
    """Marks text of which the whole must match `pattern`; `message` says what would be right."""

    pattern: str
    message: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        compiled = re.compile(self.pattern)

        def validate(value: str) -> str:
            if compiled.fullmatch(value) is None:
                raise value_problem(self.message)
            return value

        return core_schema.no_info_after_validator_function(validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _identifier(value: str) -> str:
    size = len(value.encode())
    if size == 0:
        raise problem("is empty; a name has 1 to 63 bytes")
    if size > MAX_NAME_BYTES:
        raise problem(f"has {size} bytes; a name has at most {MAX_NAME_BYTES}, as in Postgres")
    return _text(value)


def _text(value: str) -> str:
    if "\0" in value:
        raise problem("holds a NUL character, which no destination stores; leave it out")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("number_type", "a number")
    return Decimal(value)


def _int_or_string(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("int_or_string", "an integer or text")
    if isinstance(value, str):
        return _text(value)
    if not INT64[0] <= value <= INT64[1]:
        raise problem("is outside -9223372036854775808 to 9223372036854775807; put it in quotes")
    return value


def _duration(value: Any) -> int:
    if isinstance(value, bool | list | dict):
        raise PydanticCustomError("string_type", "text")
    try:
        return parse_duration(str(value))
    except ValueError as error:
        raise value_problem(str(error)) from None


def _column_type(value: Any) -> ColumnType:
    if isinstance(value, bool | list | dict):
        raise PydanticCustomError("string_type", "text")
    if not isinstance(value, str) or len(value) > LONGEST_TYPE:
        raise value_problem(f"is no column type; use {ACCEPTED}")
    if value.count("(") > value.count(")"):
        raise value_problem('is cut at its comma; put it in quotes, such as "numeric(10,2)"')
    try:
        return parse_type(value)
    except ValueError as error:
        raise problem(str(error)) from None


# Text that ends up in a cell, an SQL name or an S3 key: Postgres stores no NUL.
Text = Annotated[str, AfterValidator(_text)]

# The name of a table, column or schema: any Unicode of 1 to 63 bytes.
Name = Annotated[
    str,
    AfterValidator(_identifier),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES}),
]

# A number whose decimal text is kept exactly; an integer is a number too.
# The limits come first: they are the decimal's.
_AS_NUMBER = BeforeValidator(_number)
Number = Annotated[Decimal, _AS_NUMBER]
Share = Annotated[Decimal, Field(ge=0, le=1), _AS_NUMBER]
NotNegative = Annotated[Decimal, Field(ge=0), _AS_NUMBER]
Positive = Annotated[Decimal, Field(gt=0), _AS_NUMBER]

Int64 = Annotated[int, Field(ge=INT64[0], le=INT64[1])]

# A literal, read by the type of its column.
IntOrString = Annotated[
    int | str,
    PlainValidator(_int_or_string),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": INT64[0], "maximum": INT64[1]},
                {"type": "string"},
            ]
        }
    ),
]

# Microseconds, written `90d`.
Duration = Annotated[
    int,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH}),
]

# Days of the week, at least one, in their order however they are given.
Days = Annotated[
    tuple[WeekdayName, ...],
    Field(strict=False, min_length=1),
    AfterValidator(lambda days: tuple(sorted(days, key=WEEKDAY_NAMES.index))),
]

Type = Annotated[
    ColumnType,
    PlainValidator(_column_type),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_TYPE}),
]

# Names of columns of one table, at least one.
Names = Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]

# Ambient: the cloud identity of the pod or the machine, instead of a secret.
Auth = Literal["ambient"]
