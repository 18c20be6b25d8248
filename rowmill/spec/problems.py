"""What is wrong with a manifest: every problem with its place, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.errors import Invalid, Problem

__all__ = ["ImpossibleColumns", "InvalidManifest", "Problem"]


class InvalidManifest(Invalid):
    """A manifest that cannot be run; `problems` holds all that was found, in document order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = tuple(problems)
        text = "\n".join(problem.text for problem in found)
        super().__init__("InvalidManifest", text, found)


class ImpossibleColumns(Invalid):
    """What only a pool's values show, such as a unique column over too few of them."""

    def __init__(self, message: str) -> None:
        super().__init__("ImpossibleColumns", message)
