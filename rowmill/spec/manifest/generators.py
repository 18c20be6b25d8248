"""The manifest's kinds of cells: the members of `generate` and of `pick`, each a one-of."""

from __future__ import annotations

from collections.abc import Sequence, Set
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from rowmill.spec.faker.providers import MAX_POOL
from rowmill.spec.manifest.fields import (
    Duration,
    Int64,
    IntOrString,
    JoinedModel,
    Model,
    Name,
    NotNegative,
    Number,
    Positive,
    Share,
    Text,
)

Count = Annotated[int, Field(ge=0, le=10**12)]


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


class SequenceSpec(Model):
    """`start + step x row`."""

    start: Int64 = Field(1, description="The first row's value.")
    step: Int64 = Field(1, description="What each row adds.")


class OrdinalSpec(Model):
    """The row's number within its parent: 1, 2, 3 ... (tables with rowsPer)."""


class IntegerSpec(Model):
    """A whole number, each in [min, max] as likely."""

    min: Int64 = Field(description="The smallest value, inclusive.")
    max: Int64 = Field(description="The largest value, inclusive.")


class NumberSpec(Model):
    """A number, uniform on [min, max]."""

    min: Number = Field(description="The smallest value, inclusive.")
    max: Number = Field(description="The largest value, inclusive.")
    decimals: int | None = Field(
        None,
        ge=0,
        le=38,
        description="Digits after the decimal point; default: the column's scale, none for floats.",
    )


class BooleanSpec(Model):
    """True or false."""

    probability: Share = Field(Decimal("0.5"), description="The share of true.")


class ChoiceSpec(Model):
    """One of a list of values."""

    values: tuple[IntOrString, ...] = Field(
        strict=False,
        min_length=1,
        description="The values, read by the column's type; decimals and booleans in quotes.",
    )
    weights: tuple[NotNegative, ...] | None = Field(
        None, strict=False, min_length=1, description="One weight a value; default: all equal."
    )


class BetweenSpec(Model):
    """A date, time or timestamp, uniform from start to end."""

    start: Text = Field(description="The earliest value, inclusive.")
    end: Text = Field(description="The latest value, inclusive.")
    resolution: Duration | None = Field(
        None, description="The step between values; default: 1s, of dates 1d."
    )


class AfterSpec(Model):
    """Another time of this row, or of its parent's row, plus an exponential delay."""

    column: Name = Field(description="The column to add to; with `via` a column of the parent.")
    via: Text | None = Field(
        None, description="A reference column of this table, which leads to the parent's row."
    )
    mean: Duration = Field(description="The mean delay before truncation.")
    min: Duration = Field(0, description="The smallest delay.")
    max: Duration | None = Field(None, description="The largest delay; default: no limit.")
    end: Text | None = Field(None, description="The latest result; default: no limit.")


class NormalSpec(Model):
    """The normal distribution, truncated to [min, max]."""

    mean: Number = Field(description="The mean before truncation.")
    stddev: Positive = Field(description="The standard deviation before truncation.")
    min: Number | None = Field(None, description="The smallest value; default: no limit.")
    max: Number | None = Field(None, description="The largest value; default: no limit.")


class LognormalSpec(Model):
    """A number of which the logarithm is normal, truncated to [min, max]."""

    mu: Number = Field(description="The mean of the logarithm.")
    sigma: Positive = Field(description="The standard deviation of the logarithm.")
    min: Number | None = Field(None, description="The smallest value; default: no limit.")
    max: Number | None = Field(None, description="The largest value; default: no limit.")


class ExponentialSpec(Model):
    """The exponential distribution, truncated to [min, max]."""

    mean: Positive = Field(description="The mean before truncation.")
    min: Number | None = Field(None, description="The smallest value; default: no limit.")
    max: Number | None = Field(None, description="The largest value; default: no limit.")


class PoissonSpec(Model):
    """A count by Poisson's law, truncated to [min, max]."""

    mean: Positive = Field(description="The mean before truncation.")
    min: Int64 | None = Field(None, description="The smallest value; default: no limit.")
    max: Int64 | None = Field(None, description="The largest value; default: no limit.")


class BetaSpec(Model):
    """The beta distribution, stretched over [min, max]."""

    alpha: Positive = Field(description="The first shape parameter.")
    beta: Positive = Field(description="The second shape parameter.")
    min: Number = Field(Decimal(0), description="The smallest value.")
    max: Number = Field(Decimal(1), description="The largest value.")


class ZipfSpec(Model):
    """A rank from 1 to `ranks` by Zipf's law: rank r has weight r ** -exponent."""

    exponent: Positive = Field(description="How steeply the weights fall.")
    ranks: int = Field(ge=1, le=10**12, description="The highest rank.")


class UuidSpec(Model):
    """A UUID."""

    version: Literal[4, 7] = Field(4, description="4 (random) or 7 (ordered by time).")


class FakerSpec(Model):
    """A draw from a pool of distinct values of a Faker provider."""

    provider: Text = Field(min_length=1, description="Faker's name of the provider.")
    args: dict[str, IntOrString] | None = Field(None, description="The provider's named arguments.")
    locale: Text | None = Field(None, description="Default: the experiment's locale.")
    pool: int = Field(
        10_000, ge=1, le=MAX_POOL, description="How many distinct values to draw from."
    )
    entity: Text | None = Field(
        None,
        description="Columns of one entity describe one person; default: the column's prefix.",
    )


class ElementSpec(OneOf):
    """How the elements of an array are made: one member."""

    sequence: SequenceSpec | None = Field(None, description="start, start + step ...")
    integer: IntegerSpec | None = Field(None, description="A uniform whole number.")
    number: NumberSpec | None = Field(None, description="A uniform number.")
    boolean: BooleanSpec | None = Field(None, description="True or false.")
    choice: ChoiceSpec | None = Field(None, description="One of a list of values.")
    between: BetweenSpec | None = Field(None, description="A uniform date, time or timestamp.")
    after: AfterSpec | None = Field(None, description="A time after another column's.")
    normal: NormalSpec | None = Field(None, description="The normal distribution.")
    lognormal: LognormalSpec | None = Field(None, description="The lognormal distribution.")
    exponential: ExponentialSpec | None = Field(None, description="The exponential distribution.")
    poisson: PoissonSpec | None = Field(None, description="A count by Poisson's law.")
    beta: BetaSpec | None = Field(None, description="The beta distribution.")
    zipf: ZipfSpec | None = Field(None, description="A rank by Zipf's law.")
    uuid: UuidSpec | None = Field(None, description="A UUID.")
    faker: FakerSpec | None = Field(None, description="Names, addresses and the like, by Faker.")
    template: Text | None = Field(
        None,
        description="Text with {column} and {column|filter}: slug, upper, lower, title, pad:8.",
    )
    pattern: Text | None = Field(
        None, description="A regular expression (a subset) that the text matches."
    )
    constant: IntOrString | None = Field(None, description="This value, by the column's type.")


class ArraySpec(Model):
    """An array of `min` to `max` elements."""

    of: ElementSpec = Field(description="How each element is made.")
    min: int = Field(0, ge=0, le=10_000, description="The fewest elements.")
    max: int = Field(5, ge=0, le=10_000, description="The most elements.")


class ParentSpec(Model):
    """The value that the parent's row has in `column`."""

    via: Text = Field(
        description="A reference column of this table, or its foreign key's columns with commas."
    )
    column: Name = Field(description="The parent's column.")


class GenerateSpec(ElementSpec):
    """How a column's cells are made: one member."""

    ordinal: OrdinalSpec | None = Field(None, description="1, 2, 3 ... within the row's parent.")
    array: ArraySpec | None = Field(None, description="An array of generated elements.")
    parent: ParentSpec | None = Field(None, description="A value of the referenced row.")


class UniformPickSpec(Model):
    """Any parent row, each as likely."""


class ZipfPickSpec(Model):
    """Few parents get most rows, by Zipf's law."""

    exponent: Positive = Field(description="How steeply the parents' shares fall.")


class OneToOnePickSpec(Model):
    """Each parent row at most once."""


class TreePickSpec(Model):
    """A tree of this table's own rows."""

    roots: int = Field(1, ge=1, le=10**12, description="Rows without a parent.")


class PickSpec(OneOf):
    """How a parent row is chosen: one member."""

    uniform: UniformPickSpec | None = Field(None, description="Each parent as likely.")
    zipf: ZipfPickSpec | None = Field(None, description="Few parents get most rows.")
    one_to_one: OneToOnePickSpec | None = Field(None, description="Each parent at most once.")
    tree: TreePickSpec | None = Field(None, description="A tree of this table's own rows.")
