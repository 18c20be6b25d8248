"""What stands in a table of abilities: what a person types for one, or why a face has it not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Call:
    """What a reader types: words of a command line, an expression of Python, a call of REST.

    `only` says where alone an engine does it, for one that `engine` may stand for; `fails` is
    whether it is to be refused.
    """

    text: str
    only: str = ""
    fails: bool = False

    @property
    def shown(self) -> str:
        """As Markdown."""
        return f"`{self.text}`" + (f" ({self.only} alone)" if self.only else "")


@dataclass(frozen=True)
class Hole:
    """Why a face has no such ability, and what serves instead; of Markdown, without a full stop."""

    why: str

    @property
    def shown(self) -> str:
        """As Markdown."""
        return f"not here: {self.why}"


Cell = Call | Hole


@dataclass(frozen=True, kw_only=True)
class Ability:
    """Something that a person may want of experiments, and its cell in each face's column.

    A face more is a field more here, and its heading in COLUMNS.
    """

    name: str
    cli: Cell
    plugin: Cell
    python: Cell
    rest: Cell


# The headings of the columns, by the fields of `Ability`.
COLUMNS = {
    "cli": "`rowmill`",
    "plugin": "`kubectl rowmill`",
    "python": "Python",
    "rest": "[REST](api.md)",
}


def column(abilities: Sequence[Ability], face: str) -> dict[str, Cell]:
    """A face's cells, by the names of the abilities."""
    return {each.name: getattr(each, face) for each in abilities}


def calls(abilities: Sequence[Ability], face: str) -> dict[str, Call]:
    """What a face can do, by the names of the abilities."""
    found = column(abilities, face)
    return {name: cell for name, cell in found.items() if isinstance(cell, Call)}


def markdown(abilities: Sequence[Ability]) -> Iterator[str]:
    """The lines of the table, an ability a row."""
    faces = [each.name for each in fields(Ability) if each.name != "name"]
    yield _row(["ability", *(COLUMNS[face] for face in faces)])
    yield "|---" * (len(faces) + 1) + "|"
    for ability in abilities:
        yield _row([ability.name, *(getattr(ability, face).shown for face in faces)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
