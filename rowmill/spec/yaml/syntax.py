"""What is wrong with a text that is no YAML: the place, the line itself, and the likely cause."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import yaml

from rowmill.spec.cluster_names import KIND
from rowmill.spec.problems import Problem

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What libyaml counts as the end of a line.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_LONGEST = 100
_BEFORE = 60
_OF_EXPERIMENT = re.compile(rf"\bkind[\"']?\s*:\s*[\"']?{KIND}\b")
# Fields that hold names, however secret they sound.
_NAMES = re.compile("secretName|primaryKey|foreignKeys", re.IGNORECASE)
_CREDENTIAL = re.compile("pass|pwd|secret|token|credential|key|user|login", re.IGNORECASE)
_SECOND_KEY = re.compile(r":\s")
_DASHES = re.compile(r"(?:- +)+")
_CLOSED = re.compile(r"([\"'\]}])\s*$")

# JSON's way to write a character beyond U+FFFF, behind whole escapes of the backslash itself.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]\w\w)\\u([dD][c-fC-F]\w\w)")


@dataclass(frozen=True)
class _Fault:
    """A place, both counted from 0, and what is wrong there."""

    line: int
    column: int
    what: str


def with_whole_escapes(text: str) -> str:
    """The text with one escape for what JSON writes as two halves, if it is JSON.

    YAML has no such pairs, and else reads all of JSON as JSON does.
    """
    if not text.lstrip().startswith("{") or _PAIR.search(text) is None:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _PAIR.sub(_one_escape, text)


def _one_escape(pair: re.Match[str]) -> str:
    high, low = int(pair[2], 16), int(pair[3], 16)
    return f"{pair[1]}\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"


def syntax_problem(text: str, error: yaml.MarkedYAMLError) -> Problem:
    """The problem that the parser met, as the manifest's author sees it."""
    lines = _BREAK.split(text.removeprefix("\ufeff"))
    fault = _open_quote(text, error) or _fault(lines, error)
    if fault is None:
        return Problem("", f"this is not YAML: {error.problem or 'it cannot be read'}")
    message = f"line {fault.line + 1}, column {fault.column + 1}: this is not YAML: {fault.what}"
    shown = _excerpt(lines, fault) if _may_be_shown(lines, fault.line) else ""
    return Problem("", message, line=fault.line + 1, excerpt=shown)


def character_problem(text: str, error: yaml.reader.ReaderError) -> Problem:
    """The problem of a character that YAML forbids."""
    character = chr(error.character)
    line = text.count("\n", 0, text.index(character)) + 1
    message = (
        f"line {line}: YAML does not allow the character U+{error.character:04X}; "
        "leave it out, or write it as an escape in double quotes"
    )
    return Problem("", message, line=line)


def _fault(lines: list[str], error: yaml.MarkedYAMLError) -> _Fault | None:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None
    problem, context = error.problem or "it cannot be read", error.context_mark
    line, column = min(mark.line, len(lines) - 1), mark.column
    here = _Fault(line, column, problem)
    at = lines[line][column : column + 1]
    if "cannot start any token" in problem and at != "\t":
        return _Fault(line, column, _cannot_begin(at))
    if "cannot start any token" in problem or "tab character" in problem:
        return _Fault(line, column, "a tab begins a token; indent with spaces")
    if "end of stream" in problem and context is not None:
        what = "the quote that opens here is never closed; close it"
        return _Fault(context.line, context.column, what)
    if "alphabetic or numeric" in problem and context is not None:
        begins = lines[context.line][context.column]
        return _Fault(context.line, context.column, _cannot_begin(begins))
    if "unknown escape" in problem:
        escape = lines[line][column : column + 2]
        what = f"{escape} is no escape in double quotes; write the text in single quotes"
        return _Fault(line, column, what)
    if "expected ',' or" in problem and context is not None:
        return _in_brackets(lines, here, _Fault(context.line, context.column, ""))
    if "expected ':'" in problem and context is not None:
        return _no_colon(lines, context.line, here)
    if "mapping values are not allowed" in problem:
        return _second_key(lines, here)
    if "expected key" in problem or "expected '-' indicator" in problem:
        return _out_of_line(lines, here)
    if "node content" in problem:
        return _Fault(line, column, "a value is missing here, or a comma is too many")
    return here


def _cannot_begin(character: str) -> str:
    return f"text cannot begin with {character}; put it in quotes"


def _open_quote(text: str, error: yaml.MarkedYAMLError) -> _Fault | None:
    """A quote that closed only in a later line, right before the error: there one is missing."""
    last = None
    try:
        for token in yaml.scan(text, Loader=LOADER):
            if error.problem_mark and token.start_mark.index >= error.problem_mark.index:
                break
            if isinstance(token, yaml.ScalarToken):
                last = token
    except yaml.YAMLError:
        # The same error, or one behind it: what was scanned before is what counts.
        pass
    if last is None or last.style not in ("'", '"'):
        return None
    start, end = last.start_mark, last.end_mark
    if start.line == end.line:
        return None
    what = f"the quote that opens here closes only in line {end.line + 1}; is one missing before?"
    return _Fault(start.line, start.column, what)


def _in_brackets(lines: list[str], here: _Fault, opening: _Fault) -> _Fault:
    bracket = lines[opening.line][opening.column]
    closing = {"{": "}", "[": "]"}.get(bracket, bracket)
    if here.line > opening.line:
        what = f"the {bracket} that opens here is not closed by a {closing}, or a comma is missing"
        return _Fault(opening.line, opening.column, f"{what} before line {here.line + 1}")
    what = f"a comma or the closing {closing} is missing before this, or text wants quotes"
    return _Fault(here.line, here.column, what)


def _second_key(lines: list[str], here: _Fault) -> _Fault:
    """A `: ` where no key can be: the second of its line, or below a line that has its value."""
    line = lines[here.line]
    indent = _indent(line)
    start = indent + len((_DASHES.match(line[indent:]) or [""])[0])
    if _SECOND_KEY.search(line[start : here.column + 1]):
        what = "a second ': '; put text that holds ': ' in quotes, or mend the indentation"
        return _Fault(here.line, here.column, what)
    above = _above(lines, here.line)
    if above is None:
        return here
    return _no_colon(lines, above, _misplaced(lines, here.line))


def _no_colon(lines: list[str], number: int, otherwise: _Fault) -> _Fault:
    """The fault of a line that is to be a key with its value and has no `: `."""
    line = lines[number]
    if _SECOND_KEY.search(f"{line} "):
        return otherwise
    indent = _indent(line)
    start = indent + len((_DASHES.match(line[indent:]) or [""])[0])
    what = "this line has no ': '; write a key, a colon and a space before its value"
    return _Fault(number, start, what)


def _out_of_line(lines: list[str], here: _Fault) -> _Fault:
    """Something where a key or a `-` of the lines above would have to be."""
    line, indent = lines[here.line], _indent(lines[here.line])
    if here.column > indent:
        closed = _CLOSED.search(line[: here.column])
        if closed is None:
            return _Fault(here.line, here.column, "text that wants quotes, or a missing line break")
        what = f"text goes on behind the closing {closed[1]}; put the whole of it in quotes"
        if closed[1] in "\"'":
            what += f", of the other kind if it holds {closed[1]}"
        return _Fault(here.line, here.column, what)
    return _misplaced(lines, here.line)


def _misplaced(lines: list[str], number: int) -> _Fault:
    """What the indentation of a line is wrong for, or that of a line above which it belongs to."""
    indent, levels = _indent(lines[number]), _levels(lines[:number])
    if indent in levels:
        return _Fault(number, indent, _wrong_sort(lines[number], indent))
    outdented = _outdented(lines, number)
    if outdented is not None:
        own = _indent(lines[outdented])
        what = f"an indentation of {_spaces(own)}, where line {number + 1} goes on with {indent}"
        return _Fault(outdented, own, f"{what}; indent the lines that belong together alike")
    *first, last = map(str, levels)
    known = f"{', '.join(first)} or {last}" if first else last
    what = f"an indentation of {_spaces(indent)}, where a line can have {known}"
    return _Fault(number, indent, f"{what}; indent it like the line that it belongs beside")


def _outdented(lines: list[str], number: int) -> int | None:
    """The line that has ended what another line goes on with, by an indentation too small."""
    indent = _indent(lines[number])
    found = number
    while (above := _above(lines, found)) is not None and _indent(lines[above]) >= indent:
        found = above
    if above is None or lines[above][_indent(lines[above]) :].startswith("-"):
        return None
    if indent in _levels(lines[:above]):
        return above
    # Or it is the first below a key, which is then left without a value.
    key = _above(lines, above)
    if key is None or _indent(lines[key]) != _indent(lines[above]):
        return None
    return above if lines[key].rstrip(" ").endswith(":") else None


def _spaces(number: int) -> str:
    return f"{number} space{'' if number == 1 else 's'}"


def _wrong_sort(line: str, indent: int) -> str:
    if line[indent:].startswith("-"):
        return "a list item where a key is wanted; indent it below its key, as the items above"
    return "a key where a list item is wanted; begin it with '- ', or mend the indentation"


def _levels(lines: list[str]) -> list[int]:
    """The indentations that a further line may have, from the outermost."""
    levels: list[int] = []
    for line in lines:
        indent = _indent(line)
        content = line[indent:]
        if not content or content[0] == "#":
            continue
        levels = [level for level in levels if level < indent] + [indent]
        if dashes := _DASHES.match(content):
            levels.append(indent + len(dashes[0]))
    return levels or [0]


def _above(lines: list[str], number: int) -> int | None:
    """The last line before that holds more than a comment."""
    found = (n for n in range(number - 1, -1, -1) if lines[n].strip(" ")[:1] not in ("", "#"))
    return next(found, None)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _may_be_shown(lines: list[str], number: int) -> bool:
    """Whether a line is surely of an Experiment and holds no credential, put there by mistake.

    Any other text may be a Secret's file, given for the manifest or beside it.
    """
    ends = [n for n, line in enumerate(lines) if line.startswith("---")]
    first = max((n for n in ends if n <= number), default=0)
    last = min((n for n in ends if n > number), default=len(lines))
    if not _OF_EXPERIMENT.search("\n".join(lines[first:last])):
        return False
    above = _above(lines, number)
    near = lines[number] + ("" if above is None else lines[above])
    return _CREDENTIAL.search(_NAMES.sub("", near)) is None


def _excerpt(lines: list[str], fault: _Fault) -> str:
    """The line, cut to what is around the place, and a mark below."""
    start = max(0, fault.column - _BEFORE)
    cut = lines[fault.line][start : start + _LONGEST]
    text = "".join("→" if c == "\t" else c if c.isprintable() else "�" for c in cut)
    return f"  {text}\n  {' ' * (fault.column - start)}^"
