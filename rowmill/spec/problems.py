"""What is wrong with a manifest: every problem with its path, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One problem: `path` is like `spec.tables[1].columns[2].generate.integer.min`.

    `message` says what is wrong and, after a semicolon, what would be right.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidManifest(ValueError):
    """A manifest that cannot be run; `problems` holds all that was found, in document order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ImpossibleColumns(ValueError):
    """What only a pool's values show, such as a unique column over too few of them."""
