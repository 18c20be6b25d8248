"""The problems found while a manifest is resolved: paths as they are walked, sorted at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rowmill.near_names import near_name
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import InvalidManifest, Problem


class Report:
    """Collects problems; `raise_any` tells all of them in the order of the document, a model."""

    def __init__(self, document: object, doubts: Doubts = NO_DOUBTS) -> None:
        self.doubts = doubts
        self._document = document
        self._found: dict[tuple[Path, str], None] = {}
        self._paths: set[Path] = set()

    def add(self, path: Path, message: str) -> None:
        """Note one problem, but none of a stand-in; the same one twice counts once."""
        if not self.doubts.about(path):
            self._found[path, message] = None
            self._paths.add(path)

    def has(self, path: Path) -> bool:
        """Whether a problem at this very path was noted."""
        return path in self._paths

    def apart(self) -> Report:
        """An empty report on the same document, to try something."""
        return Report(self._document, self.doubts)

    @property
    def found(self) -> frozenset[tuple[Path, str]]:
        """All that was noted, each with its path."""
        return frozenset(self._found)

    def attempt(self, path: Path, error: ValueError) -> None:
        """Note the problem that reading the value at `path` has met."""
        self.add(path, str(error))

    def raise_any(self) -> None:
        """Raise InvalidManifest if there was a problem."""
        if self._found:
            ordered = sorted(self._found, key=lambda found: _place(self._document, found[0]))
            raise InvalidManifest(Problem(path_text(path), message) for path, message in ordered)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: what was probably meant, or what there is."""
    names = list(known)
    meant = near_name(name, names)
    if meant is not None:
        return f"did you mean {shown(meant)}?"
    some = ", ".join(shown(n) for n in names[:8]) + (", ..." if len(names) > 8 else "")
    return f"use one of {some}" if names else "there is none to choose from"


def _place(document: object, path: Path) -> tuple[int, ...]:
    """Where a path is in a document that keeps to the order of the manifest's fields."""
    here = document
    place: list[int] = []
    for step in path:
        place.append(0)
        if isinstance(step, int):
            place[-1] = step
            here = here[step] if isinstance(here, tuple) and step < len(here) else None
        elif (fields := getattr(type(here), "model_fields", None)) is not None:
            for i, (name, field) in enumerate(fields.items()):
                if step == (field.alias or name):
                    place[-1], here = i, getattr(here, name)
                    break
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
    return tuple(place)
