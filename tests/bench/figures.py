"""What is measured and how it is told: samples with their spread, rows of the result's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Samples:
    """Repeated measurements of one thing."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Samples:
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return median(self.values)

    def text(self, digits: int = 1, unit: str = "s") -> str:
        """The median, with the range where there are several."""
        middle = f"{self.median:.{digits}f}"
        if len(self.values) == 1:
            return f"{middle} {unit}"
        low, high = min(self.values), max(self.values)
        return f"{middle} {unit} ({low:.{digits}f} to {high:.{digits}f})"


@dataclass(frozen=True)
class Figure:
    """One row of the result: `met` is None where there is nothing to reach."""

    what: str
    reach: str
    measured: str
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "yes" if self.met else "**no**"


def ratios(values: Sequence[float], bars: Sequence[float]) -> Samples:
    """Round by round what was measured against its bar."""
    return Samples.of([value / bar for value, bar in zip(values, bars, strict=True)])


def ratio_figure(
    what: str,
    values: Sequence[float],
    bars: Sequence[float],
    most: float,
    unit: str = "s",
    digits: int = 1,
) -> Figure:
    """A wall time against its bar: the ratio of the medians, with both and their spreads."""
    value, bar = Samples.of(values), Samples.of(bars)
    ratio = value.median / bar.median
    spread = ratios(values, bars)
    measured = (
        f"{ratio:.2f} times: {value.text(digits, unit)} against {bar.text(digits, unit)}; "
        f"round by round {spread.text(2, 'times')}"
    )
    met: bool | None = ratio <= most
    if not met and min(spread.values) <= most:
        met = None
        measured += "; undecided, as the spread is wider than the margin: see the CPU"
    return Figure(what, f"at most {most:.2f} times", measured, met)
