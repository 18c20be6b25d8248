"""Where a problem stands in the manifest's text: its line, and the names of table and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from rowmill.spec.cluster_names import KIND
from rowmill.spec.paths import Path, name_text, path_of
from rowmill.spec.problems import Problem
from rowmill.spec.yaml.reader import MAX_DEPTH
from rowmill.spec.yaml.syntax import LOADER, with_whole_escapes

_TABLES: Path = ("spec", "tables")


def located(problems: Iterable[Problem], text: str) -> tuple[Problem, ...]:
    """The problems with their lines and names, as far as the text has them.

    A text of one line, such as the API server's JSON, gets names alone. Nothing is kept of what no
    problem is about: a manifest may have half a million values.
    """
    given = tuple(problems)
    paths = [path_of(problem.path) for problem in given]
    wanted = {path[:length] for path in paths for length in range(len(path) + 1)}
    wanted |= {name for path in paths for name in _names(path)}
    found = _look(text, wanted)
    if found is None:
        return given
    lines = found.lines if len(text.strip().splitlines()) > 1 else {}
    return tuple(
        replace(
            problem,
            line=_line(path, lines) if problem.line is None and path else problem.line,
            name=".".join(name_text(n) for n in _known(path, found)),
        )
        for problem, path in zip(given, paths, strict=True)
    )


@dataclass
class _Places:
    """Of one document: the lines of the wanted paths, from 1, and the texts that are there."""

    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    empty: bool = False


class _TooDeep(Exception):
    """The text has more levels than a manifest is read with."""


def _names(path: Path) -> Iterator[Path]:
    """The paths of the names of the table and of the column that a path leads through."""
    if path[:2] == _TABLES and len(path) > 2:
        yield (*path[:3], "name")
        if len(path) > 4 and path[3] == "columns":
            yield (*path[:5], "name")


def _known(path: Path, found: _Places) -> Iterator[str]:
    for name in _names(path):
        if name not in found.texts:
            return
        yield found.texts[name]


def _line(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of the path, or of the nearest above it: what is missing has none of its own."""
    return next(
        (lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines),
        None,
    )


def _look(text: str, wanted: set[Path]) -> _Places | None:
    """The places in the document that is judged: the Experiment, or the first that says anything.

    None if the text is no YAML, or deeper than any manifest.
    """
    wanted.add(("kind",))
    try:
        documents = [places for places in _documents(text, wanted) if not places.empty]
    except (yaml.YAMLError, _TooDeep):
        return None
    ours = [places for places in documents if places.texts.get(("kind",)) == KIND]
    return next(iter(ours or documents), None)


def _documents(text: str, wanted: set[Path]) -> Iterator[_Places]:
    events = yaml.parse(with_whole_escapes(text), Loader=LOADER)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _document(events, wanted)


def _document(events: Iterator[Any], wanted: set[Path]) -> _Places:
    """Follow one document's events.

    Raises:
        _TooDeep: it is nested so deep that to follow it takes its depth squared.
    """
    places = _Places()
    # Of each collection that is open: its path, and the key or index of what comes next.
    open_now: list[tuple[Path, str | int | None]] = []
    key_line = 0
    for event in events:
        if len(open_now) > MAX_DEPTH + 1:
            raise _TooDeep
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.CollectionEndEvent):
            open_now.pop()
            continue
        above, step = open_now[-1] if open_now else ((), None)
        if open_now and step is None:
            # A key: of text alone can a path be made.
            is_text = isinstance(event, yaml.ScalarEvent)
            open_now[-1] = (above, event.value if is_text else "")
            key_line = event.start_mark.line + 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_now.append(_opened(event, (*above, "")))
            continue
        path = above if step is None else (*above, step)
        if path in wanted and path not in places.lines:
            named = isinstance(step, str)
            places.lines[path] = key_line if named else event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            places.empty = places.empty or (not path and event.value == "")
            if path in wanted:
                places.texts.setdefault(path, event.value)
        if open_now:
            open_now[-1] = (above, step + 1 if isinstance(step, int) else None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_now.append(_opened(event, path))
    return places


def _opened(event: Any, path: Path) -> tuple[Path, int | None]:
    return path, 0 if isinstance(event, yaml.SequenceStartEvent) else None
