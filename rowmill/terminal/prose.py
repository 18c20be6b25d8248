"""Sentences for people: on a terminal their lines end between words, elsewhere nowhere."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

import typer
from rich.cells import cell_len

# A terminal that does not tell its width has this one.
_COLUMNS = 80
_HANGING = "  "
_INDENT = re.compile(" *")
# A label and its value below those of other lines: the value's lines stay below each other.
_LABEL = re.compile(r" *\S+ {2,}(?=\S)")
# A command in backticks is one word as long as it fits a line.
_WORD = re.compile(r"( *)([^\s`]*`[^`\n]+`[^\s`]*|\S+)")

# What steers a terminal, or turns the direction of what follows; a line's end stays one.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def say(text: str, *, err: bool = False) -> None:
    """Print sentences on standard output or standard error, wrapped if that is a terminal.

    What would steer a terminal is shown, not done: names come from manifests, words from servers.
    """
    stream = sys.stderr if err else sys.stdout
    print(wrapped(visible(text), columns_of(stream)), file=stream, flush=True)


def notice(text: str) -> None:
    """Say on standard error what the reader should know, if anybody still reads it.

    A command does not end for want of a reader.
    """
    with suppress(OSError):
        say(f"rowmill: {text}", err=True)


def confirmed(question: str) -> bool:
    """Ask on standard error; raises typer.Abort at the end of input."""
    asked = wrapped(f"{visible(question)} [y/N]:", columns_of(sys.stderr))
    return typer.confirm(asked, err=True, show_default=False, prompt_suffix=" ")


def visible(value: str) -> str:
    """A value whose control characters are shown as escapes; it may have several lines."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), value)


def columns_of(stream: TextIO) -> int | None:
    """The width of the terminal that a stream is, COLUMNS if that is set; None if it is none."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def wrapped(text: str, width: int | None, *, hanging: str | None = None) -> str:
    """The text in lines of at most `width` columns, as it is without a width.

    Line ends and indents stay. What goes on in a further line hangs below its beginning, or has
    `hanging` before it; a word that is longer than a line is not broken, so that paths and
    addresses can be copied.
    """
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width, hanging))


def _parts(line: str, width: int, chosen: str | None) -> Iterator[str]:
    if cell_len(line) <= width:
        yield line
        return
    hanging = _hanging(line, width) if chosen is None else chosen
    current = ""
    for space, word in _words(line, width - len(hanging)):
        if current.strip() and cell_len(current + space + word) > width:
            yield current
            current = hanging + word
        else:
            current += space + word
    yield current


def _hanging(line: str, width: int) -> str:
    label = _LABEL.match(line)
    if label is not None and 2 * label.end() <= width:
        return " " * label.end()
    indent = _INDENT.match(line)
    return (indent[0] if indent else "") + _HANGING


def _words(line: str, room: int) -> Iterator[tuple[str, str]]:
    """Each word with the spaces before it."""
    for found in _WORD.finditer(line):
        if cell_len(found[2]) <= room:
            yield found[1], found[2]
        else:
            pieces = found[2].split()
            yield from zip([found[1], *[" "] * (len(pieces) - 1)], pieces, strict=True)
