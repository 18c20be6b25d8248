"""Which keys and indexes of published tables a run made: told by shape, never by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rowmill.destinations.postgres.additions.model import Build
from rowmill.destinations.postgres.tables.constraints import Step, steps
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
        return self.plain and step.shape == (
            (self.kind, self.build.table, self.columns, self.parent, self.parent_columns)
        )


@dataclass(frozen=True)
class Own:
    """A run's own key on an outgoing table.

    `given` is the name that its run gave it, `planned` the one that the new run does: the numbers
    at the end of names may change with the manifest. None if the new run makes no such key.
    """

    build: Build
    kind: str
    given: str
    planned: str | None

    @property
    def name(self) -> str:
        """The name that it has on the published table."""
        return self.build.name

    @property
    def renamed(self) -> bool:
        """Whether a user gave it a name, which the one that the new run makes gets too."""
        return self.planned is not None and self.name not in (self.given, self.planned)

    @property
    def moved(self) -> bool:
        """Whether it is the new run that gives it another name."""
        return self.planned is not None and self.name == self.given != self.planned


def tell_apart(
    found: Iterable[Key], made: Sequence[Step], planned: Sequence[Step]
) -> tuple[list[Key], list[Own]]:
    """The users' keys, and the runs' own.

    Of several of one shape the one of the step's name is the run's. What a user made as the new run
    will make it, to the name, is that run's from now on.

    Args:
        made: the steps of the run that published the table.
        planned: the steps of the new run.
    """
    users = list(found)
    names = {step.shape: step.name for step in planned}
    own: list[Own] = []
    for step in made:
        alike = [key for key in users if key.made_by(step)]
        named = [key for key in alike if key.build.name == step.name]
        for key in (named or alike)[:1]:
            users.remove(key)
            own.append(Own(key.build, key.kind, step.name, names.get(step.shape)))
    known = {each.planned for each in own}
    for step in planned:
        same = [key for key in users if key.made_by(step) and key.build.name == step.name]
        for key in same if step.name not in known else ():
            users.remove(key)
            own.append(Own(key.build, key.kind, step.name, step.name))
    return users, own
