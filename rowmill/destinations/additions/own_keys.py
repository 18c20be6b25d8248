"""Which keys and indexes of published tables a run made: told by shape, never by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rowmill.destinations.additions.model import Build
from rowmill.destinations.constraints import Step, steps
from rowmill.spec.dataset import Dataset


@dataclass(frozen=True)
class Made:
    """What a run made: its tables, and which constraints it was to put on them."""

    dataset: Dataset
    constraints: str

    @cached_property
    def steps(self) -> list[Step]:
        return steps(self.dataset, self.constraints)

    @cached_property
    def steps_of(self) -> dict[str, list[Step]]:
        """The steps by table, of those that have any."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.table, []).append(step)
        return found


@dataclass(frozen=True)
class Key:
    """A key, reference or index as the catalogue has it, with the statements that make it.

    `kind`, `columns`, `parent` and `parent_columns` are as in `Step`; `plain` says that it is no
    more than these say, as all that a run makes.
    """

    build: Build
    kind: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    plain: bool

    def made_by(self, step: Step) -> bool:
        """Whether it is what the step makes, whatever its name."""
        return self.plain and (
            (self.build.table, self.kind, self.columns, self.parent, self.parent_columns)
            == (step.table, step.kind, step.columns, step.parent, step.parent_columns)
        )


def tell_apart(
    found: Iterable[Key], made: Sequence[Step]
) -> tuple[list[Key], list[tuple[Key, Step]]]:
    """The users' keys, and a run's own with the step that made each.

    Of several of one shape the one of the step's name is the run's.
    """
    users = list(found)
    own = []
    for step in made:
        alike = [key for key in users if key.made_by(step)]
        named = [key for key in alike if key.build.name == step.name]
        for key in (named or alike)[:1]:
            users.remove(key)
            own.append((key, step))
    return users, own
