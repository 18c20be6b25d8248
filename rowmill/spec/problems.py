"""What is wrong with a manifest: every problem with its place, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One problem: `path` is like `spec.tables[1].columns[2].generate.integer.min`.

    `message` says what is wrong and, after a semicolon, what would be right. `line`, from 1, and
    `name` (of the table, `orders`, or the column, `orders.total`) are where the reader finds it,
    where there are such; `excerpt` is that line with a mark under the place, of what is no YAML.
    """

    path: str
    message: str
    line: int | None = None
    name: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    @property
    def told(self) -> str:
        """All of it for a reader: `orders.total, line 41: spec.tables[1]...: what is wrong`."""
        if not self.path:
            placed = self.line is None or self.message.startswith("line ")
            message = self.message if placed else f"line {self.line}: {self.message}"
            return f"{message}\n{self.excerpt}" if self.excerpt else message
        where = [self.name] if self.name else []
        if self.line is not None:
            where.append(f"line {self.line}")
        return f"{', '.join(where)}: {self}" if where else str(self)

    def as_json(self) -> dict[str, object]:
        """The problem for machines; what there is not is null or left out."""
        found: dict[str, object] = {"path": self.path, "line": self.line, "message": self.message}
        if self.name:
            found["name"] = self.name
        if self.excerpt:
            found["excerpt"] = self.excerpt
        return found


class InvalidManifest(ValueError):
    """A manifest that cannot be run; `problems` holds all that was found, in document order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.told for problem in self.problems))


class ImpossibleColumns(ValueError):
    """What only a pool's values show, such as a unique column over too few of them."""
