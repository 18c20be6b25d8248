"""YAML into plain values as kubectl reads it, refusing what two readers could read in two ways.

Values are dict, list, str, bool, None, int and, for other numbers, `Decimal` of exactly the text's
value. PyYAML parses (its events); what a scalar means is `yaml_scalars`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.yaml.scalars import plain_scalar
from rowmill.spec.yaml.syntax import LOADER, character_problem, syntax_problem, with_whole_escapes

MAX_BYTES = 1 << 20
# Above what 1 MiB of text without aliases can hold, so that only aliases reach it.
MAX_NODES = 600_000
MAX_DEPTH = 64

_CORE = "tag:yaml.org,2002:"
_TAGGED: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, Decimal),
    "bool": (bool,),
    "null": (type(None),),
    "map": (dict,),
    "seq": (list,),
}


@dataclass
class Document:
    """One YAML document; `line` is where it begins, from 1.

    `problems`, with their paths, are those of single values, which are then None (of a repeated
    key: its first value).
    `spellings` holds how each boolean was written, by path: `yes`, `n`, `true`.
    """

    line: int
    value: Any = None
    problems: list[tuple[Path, Problem]] = field(default_factory=list)
    spellings: dict[Path, str] = field(default_factory=dict)


def read_documents(text: str) -> tuple[Document, ...]:
    """Read all documents of a YAML text.

    Raises:
        InvalidManifest: for a text that is too large, is no YAML or explodes.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _refusal("the manifest holds half a character (a lone surrogate)") from None
    if size > MAX_BYTES:
        raise _refusal(f"the manifest has {size:,} bytes; at most {MAX_BYTES:,} (1 MiB) are read")
    try:
        text = with_whole_escapes(text)
        return tuple(_documents(_Events(text)))
    except yaml.MarkedYAMLError as error:
        raise InvalidManifest([syntax_problem(text, error)]) from None
    except yaml.reader.ReaderError as error:
        raise InvalidManifest([character_problem(text, error)]) from None


class _Events:
    """The parser's events, one at a time."""

    def __init__(self, text: str) -> None:
        self._events = iter(yaml.parse(text, Loader=LOADER))

    def next(self) -> Any:
        return next(self._events)


def _documents(events: _Events) -> Iterator[Document]:
    while not isinstance(event := events.next(), yaml.StreamEndEvent):
        if isinstance(event, yaml.DocumentStartEvent):
            document = Document(_line(event))
            document.value = _Builder(events, document).build(events.next(), ()).value
            yield document


@dataclass(frozen=True)
class _Node:
    """A value and how many nodes it has with aliases written out."""

    value: Any
    size: int


class _Builder:
    """Builds the values of one document from the parser's events."""

    def __init__(self, events: _Events, document: Document) -> None:
        self._events = events
        self._document = document
        self._anchors: dict[str, _Node | None] = {}
        self._depth = 0

    def build(self, event: Any, path: Path) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        # Not the path's length: a key that is a mapping is deeper without a step of its own.
        if self._depth > MAX_DEPTH:
            raise _refusal(f"{_place(event)}: more than {MAX_DEPTH} levels; no manifest is so deep")
        self._depth += 1
        node = self._anchored(event, path)
        self._depth -= 1
        return node

    def _anchored(self, event: Any, path: Path) -> _Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, path)
        else:
            node = self._mapping(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> _Node:
        if event.anchor not in self._anchors:
            raise _refusal(f"{_place(event)}: {_alias(event)} has no anchor before it")
        node = self._anchors[event.anchor]
        if node is None:
            raise _refusal(f"{_place(event)}: {_alias(event)} holds itself; write it out")
        return node

    def _scalar(self, event: Any, path: Path) -> _Node:
        quoted = not event.implicit[0] and event.tag is None
        try:
            as_text = quoted or event.tag == f"{_CORE}str"
            value = event.value if as_text else plain_scalar(event.value)
        except ValueError as error:
            self._problem(path, str(error), event)
            return _Node(None, 1)
        if isinstance(value, bool):
            self._document.spellings[path] = event.value
        return _Node(self._tagged(event, path, value), 1)

    def _sequence(self, event: Any, path: Path) -> _Node:
        items: list[Any] = []
        size = 1
        while not isinstance(inner := self._events.next(), yaml.SequenceEndEvent):
            node = self.build(inner, (*path, len(items)))
            items.append(node.value)
            size = _bounded(size + node.size, inner)
        return _Node(self._tagged(event, path, items), size)

    def _mapping(self, event: Any, path: Path) -> _Node:
        items: dict[str, Any] = {}
        lines: dict[str, int] = {}
        size = 1
        while not isinstance(inner := self._events.next(), yaml.MappingEndEvent):
            if _is_merge(inner):
                size = _bounded(size + self._merge(inner, items, lines, path), inner)
                continue
            key = self._key(inner, path)
            node = self.build(self._events.next(), path if key is None else (*path, key))
            size = _bounded(size + node.size, inner)
            if key is None:
                continue
            if key in lines:
                self._problem(
                    (*path, key),
                    f"is given twice, in lines {lines[key]} and {_line(inner)}; keep one",
                    inner,
                )
            else:
                items[key] = node.value
                lines[key] = _line(inner)
        return _Node(self._tagged(event, path, items), size)

    def _key(self, event: Any, path: Path) -> str | None:
        node = self.build(event, path)
        self._document.spellings.pop(path, None)
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, dict | list):
            what = f"{shown(node.value)} as a key in line {_line(event)}; a key must be text"
        else:
            read = _kind_of(node.value)
            what = f"the key {event.value} in line {_line(event)}, which YAML reads as {read}"
            what += "; put it in quotes"
        # Nothing is there of it, and so nothing below its own place is in doubt.
        problem = Problem(path_text(path), f"has {what}", line=_line(event))
        self._document.problems.append(((*path, f"<line {_line(event)}>"), problem))
        return None

    def _merge(self, event: Any, items: dict[str, Any], lines: dict[str, int], path: Path) -> int:
        node = self.build(self._events.next(), path)
        sources = node.value if isinstance(node.value, list) else [node.value]
        if not all(isinstance(source, dict) for source in sources):
            what = f"<< in line {_line(event)} must merge a mapping, such as *anchor"
            self._problem(path, what, event)
            return node.size
        merged = {key: value for source in reversed(sources) for key, value in source.items()}
        for key in merged.keys() & lines.keys():
            self._problem(
                (*path, key),
                f"is given in line {lines[key]} and again by << in line {_line(event)}, and "
                "readers of YAML disagree on which holds; put << first",
                event,
            )
        items.update({key: value for key, value in merged.items() if key not in lines})
        return node.size

    def _tagged(self, event: Any, path: Path, value: Any) -> Any:
        if event.tag is None:
            return value
        name = event.tag.removeprefix(_CORE)
        if name not in _TAGGED or not event.tag.startswith(_CORE):
            tag = f"!!{name}" if event.tag.startswith(_CORE) else event.tag
            self._problem(path, f"has the tag {tag[:60]}; leave it out", event)
            return None
        if type(value) not in _TAGGED[name]:
            what = f"has the tag !!{name} but is {shown(value)}; leave the tag out"
            self._problem(path, what, event)
            return None
        return value

    def _problem(self, path: Path, message: str, event: Any) -> None:
        problem = Problem(path_text(path), message, line=_line(event))
        self._document.problems.append((path, problem))


def _bounded(size: int, event: Any) -> int:
    if size > MAX_NODES:
        raise _refusal(
            f"{_place(event)}: the aliases stand for more than {MAX_NODES:,} values; "
            "write fewer of them, or none"
        )
    return size


def _kind_of(value: object) -> str:
    return shown(value) if value is None or isinstance(value, bool) else "a number"


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]


def _refusal(message: str) -> InvalidManifest:
    return InvalidManifest([Problem("", message)])


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _alias(event: Any) -> str:
    return f"the alias *{event.anchor[:60]}"


def _place(event: Any) -> str:
    return f"line {_line(event)}, column {event.start_mark.column + 1}"
