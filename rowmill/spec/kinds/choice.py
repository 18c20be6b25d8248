"""The kind `choice`: one of a list of values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, ClassVar

from rowmill.counting import counted
from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, KnownWidths, OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.shapes.content import Content, content_of_literals
from rowmill.spec.shapes.size import Size, size_of_literals
from rowmill.spec.shapes.text import Text, text_of_strings
from rowmill.spec.shapes.width import fixed_width, literal_width
from rowmill.spec.values.comparison import compared
from rowmill.spec.values.types import ColumnType, Literal, Number, TypeName

if TYPE_CHECKING:
    from rowmill.spec.fields import IntOrString, NotNegative

# The alias table's indexes have 16 bits.
MAX_WEIGHTS = 65_536
# A total that a float still holds.
MAX_TOTAL_WEIGHT = 10**300


class ChoiceSpec(Parameters):
    """One of a list of values."""

    values: tuple[IntOrString, ...] = parameter(
        "The values, read by the column's type; decimals and booleans in quotes.",
        strict=False,
        min_length=1,
    )
    weights: tuple[NotNegative, ...] | None = parameter(
        "One weight a value; default: all equal.", None, strict=False, min_length=1
    )


@dataclass(frozen=True)
class Choice(OwnKind):
    """One of `values`; `weights` are integers proportional to the manifest's, or None: equal."""

    key: ClassVar[str] = "choice"

    values: tuple[Literal, ...]
    weights: tuple[int, ...] | None

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """By its weights, or because it has a value twice, as Postgres compares them."""
        if self.weights is not None:
            return "is a weighted choice, which repeats; leave weights out"
        if len(set(self.values)) < len(self.values):
            return "has a value twice in its choice; expected each value once"
        if len({compared(value, column_type) for value in self.values}) < len(self.values):
            return (
                "has a value twice in its choice, for jsonb compares numbers by "
                "value, 1 and 1.0 alike; expected each once"
            )
        return None

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """Its values."""
        return len(self.values)

    @property
    def differs_in_end_spaces(self) -> bool:
        """Whether two of its values do."""
        texts = {str(value) for value in self.values}
        return len({text.rstrip(" ") for text in texts}) < len(texts)

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """The least and the greatest value, of integers and of moments."""
        return integer_span(self.values)

    @property
    def few_values(self) -> bool:
        """Those of its list."""
        return True

    def text(self, known: KnownTexts) -> Text:
        """One of its texts."""
        return text_of_strings(map(str, self.values))

    def content(self, column_type: ColumnType, known: KnownContents) -> Content:
        """One of its values."""
        return content_of_literals(self.values, column_type)

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """The mean of its values."""
        return fixed_width(column_type) or sum(map(literal_width, self.values)) // len(self.values)

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """The mean of its values, each as often as it comes."""
        return size_of_literals(self.values, self.weights or (1,) * len(self.values), column_type)


def integer_span(values: tuple[Literal, ...]) -> tuple[int, int] | None:
    """The least and the greatest of the values that are integers."""
    numbers = [value for value in values if isinstance(value, int)]
    return (min(numbers), max(numbers)) if numbers else None


def _read(spec: ChoiceSpec, reading: Reading) -> Choice | None:
    values = [reading.literal(value, "values", i) for i, value in enumerate(spec.values)]
    weights = _weights(spec, reading) if spec.weights is not None else ()
    if weights is None:
        return None
    known = tuple(value for value in values if value is not None)
    return Choice(known, weights or None) if len(known) == len(values) else None


def _weights(spec: ChoiceSpec, reading: Reading) -> tuple[int, ...] | None:
    """Integers in the proportions of the manifest's weights; None after a problem."""
    weights, path = spec.weights or (), (*reading.path, "weights")
    problem = None
    if len(weights) != len(spec.values):
        problem = (
            f"has {counted(len(weights), 'weight')} for {counted(len(spec.values), 'value')}; "
            "expected as many"
        )
    elif not any(weights):
        problem = "are all 0; expected at least one above 0"
    elif len(weights) > MAX_WEIGHTS:
        problem = f"has {counted(len(weights), 'weight')}; expected at most {MAX_WEIGHTS:,}"
    if problem is not None:
        reading.report.add(path, problem)
        return None
    exact = [Fraction(weight) for weight in weights]
    unit = lcm(*(weight.denominator for weight in exact))
    whole = [int(weight * unit) for weight in exact]
    whole = [weight // gcd(*whole) for weight in whole]
    if sum(whole) > MAX_TOTAL_WEIGHT:
        reading.report.add(path, "are too far apart; use weights within 10^300")
        return None
    return tuple(whole)


CHOICE = KindEntry(
    key="choice",
    spec=ChoiceSpec,
    kind=Choice,
    fits=frozenset(TypeName),
    read=_read,
    says="One of a list of values.",
    example=Example("integer", {"values": [0, 10], "weights": [3, 1]}, mean=2.5, deviation=4.3301),
    fills_arrays=True,
    literals=("values",),
    unique_if="without weights",
)
