"""What can go wrong, in one tree: each face has one table from these classes to its own answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


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
    def text(self) -> str:
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


class RowmillError(Exception):
    """What is told to the user, and is no defect of Rowmill.

    `reason` is one word for programs, such as TargetInUse; the message says what is wrong, where
    and what to do, and `problems` are the single ones where there are several. None of them ever
    holds a secret's value.
    """

    def __init__(self, reason: str, message: str, problems: Iterable[Problem] = ()) -> None:
        self.reason = reason
        self.problems = tuple(problems)
        super().__init__(message)

    @property
    def message(self) -> str:
        return str(self)

    def to_json(self) -> dict[str, object]:
        """The error for machines; `problems` only where there are any."""
        document: dict[str, object] = {"reason": self.reason, "message": self.message}
        if self.problems:
            document["problems"] = [problem.as_json() for problem in self.problems]
        return document

    def __reduce__(self) -> tuple[Callable[..., RowmillError], tuple[object, ...]]:
        # Errors go through pipes and pools of processes, the texts of some made from other things.
        return _restored, (type(self), self.args, vars(self))


class Invalid(RowmillError):
    """What was given is wrong: a manifest, a command line, a query."""


class NotFound(RowmillError):
    """There is nothing of that name, or nothing of that kind yet."""


class Conflict(RowmillError):
    """What is asked for does not fit what is there, such as an unfinished run."""


class Refused(RowmillError):
    """A destination or server will not do it until somebody changes something there."""


class Unavailable(RowmillError):
    """A destination or server stayed out of reach for as long as it is waited for."""


class Unsupported(RowmillError):
    """This installation cannot do it: it lacks a library, or is of another version."""


class Differs(RowmillError):
    """What is stored is not what was made."""


class Failed(RowmillError):
    """It was begun and came to nothing; what is durable of it stays."""


class Interrupted(RowmillError):
    """Somebody ended it, or the wait for it; what is durable of it stays."""


def by_class(table: Mapping[type[Any], T], error: BaseException) -> T | None:
    """What a table has of an error: the entry of its class, else of its nearest ancestor there."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _restored(
    kind: type[RowmillError], args: tuple[object, ...], state: dict[str, object]
) -> RowmillError:
    """An error as it was, without calling its constructor, which may want what made the text."""
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error
