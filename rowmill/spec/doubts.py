"""What of a manifest is not known, because what stands there is wrong and will be mended.

A rule says nothing that depends on it: of every problem it must be sure that mending another one
does not make it vanish.
"""

from __future__ import annotations

from dataclasses import dataclass

from rowmill.spec.paths import Path


@dataclass(frozen=True)
class Doubts:
    """The paths of fields whose values are unknown, with all that lies below them."""

    paths: frozenset[Path] = frozenset()

    def about(self, path: Path) -> bool:
        """Whether the value at a path is unknown, or some value above it."""
        if not self.paths:
            return False
        return any(path[:length] in self.paths for length in range(1, len(path) + 1))

    def below(self, path: Path) -> bool:
        """Whether the value at a path, some value above it or some value within it is unknown."""
        return self.about(path) or any(inner[: len(path)] == path for inner in self.paths)

    def but(self, path: Path, *, known: bool) -> Doubts:
        """The same doubts, except that the value at a path is `known`, or is not."""
        return Doubts(self.paths - {path} if known else self.paths | {path})


NO_DOUBTS = Doubts()
