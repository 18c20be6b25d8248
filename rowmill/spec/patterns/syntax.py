"""The spelling of patterns: a recursive-descent parser from the text to a small tree.

    pattern   = chain ("|" chain)*
    chain     = (item count?)*
    item      = character | "." | escape | class | "(" pattern ")" | "(?:" pattern ")"
    count     = "?" | "{n}" | "{n,m}"

`.` and negated classes mean printable ASCII (space to tilde). What regular expressions have beyond
this (unbounded repeats, anchors, look-around, back-references) is refused with what to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rowmill.counting import counted
from rowmill.spec.paths import shown

MAX_TEXT = 1_000
MAX_COUNT = 4_096
MAX_DEPTH = 40

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Characters:
    """One character out of `ranges` of code points: disjoint, ascending, not adjacent."""

    ranges: Ranges

    def holds(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)


@dataclass(frozen=True)
class Chain:
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Alternatives:
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    item: Node
    min: int
    max: int


Node = Characters | Chain | Alternatives | Repeat

_PRINTABLE: Ranges = ((0x20, 0x7E),)
_DIGITS: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SURROGATES = (0xD800, 0xDFFF)
_CONTROLS = {"t": 0x09, "n": 0x0A, "r": 0x0D}
_COUNT = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{1,6})?)?\}")


def parse(pattern: str) -> Node:
    """The pattern's tree.

    Raises:
        ValueError: with a message for the manifest's author: what is wrong, at which character
            (counted from 1), and what would be right.
    """
    if len(pattern) > MAX_TEXT:
        raise ValueError(
            f"the pattern has {counted(len(pattern), 'character')}; at most {MAX_TEXT:,} are read"
        )
    parser = _Parser(pattern)
    tree = parser.alternatives(depth=0)
    if parser.at < len(pattern):
        raise parser.error(r"')' closes no group; write \) for the character")
    return tree


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def error(self, message: str, at: int | None = None) -> ValueError:
        place = (self.at if at is None else at) + 1
        return ValueError(f"pattern, character {place}: {message}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def alternatives(self, depth: int) -> Node:
        items = [self.chain(depth)]
        while self.peek() == "|":
            self.at += 1
            items.append(self.chain(depth))
        return items[0] if len(items) == 1 else Alternatives(tuple(items))

    def chain(self, depth: int) -> Node:
        items: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            items.append(self.count(self.item(depth)))
        return items[0] if len(items) == 1 else Chain(tuple(items))

    def item(self, depth: int) -> Node:
        char = self.peek()
        if char == "(":
            return self.group(depth + 1)
        if char == "[":
            return self.character_class()
        if char == "\\":
            return Characters(self.escape())
        if char == ".":
            self.at += 1
            return Characters(_PRINTABLE)
        if char in "*+?{":
            raise self.error(
                rf"{shown(char)} has nothing before it to repeat; write \{char} for the character"
            )
        if char in "^$":
            raise self.error(
                f"{shown(char)} is not needed, a pattern always describes the whole value; "
                rf"leave it out, or write \{char} for the character"
            )
        if char in "]}":
            raise self.error(rf"{shown(char)} closes nothing; write \{char} for the character")
        code = self.code_point(char)
        self.at += 1
        return Characters(((code, code),))

    def code_point(self, char: str) -> int:
        code = ord(char)
        if code == 0 or _SURROGATES[0] <= code <= _SURROGATES[1]:
            raise self.error(f"the character U+{code:04X} cannot be stored as text; leave it out")
        return code

    def group(self, depth: int) -> Node:
        opened = self.at
        if depth > MAX_DEPTH:
            raise self.error(f"groups are nested deeper than {MAX_DEPTH}; write it flatter")
        self.at += 1
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.peek() == "?":
            raise self.error(
                "'(?' is not understood here (no look-around, flags or named groups); "
                "write a plain group ( )"
            )
        node = self.alternatives(depth)
        if self.peek() != ")":
            raise self.error(r"'(' is never closed; write \( for the character", opened)
        self.at += 1
        return node

    def count(self, node: Node) -> Node:
        """The item with the count behind it, if there is one."""
        char = self.peek()
        if char not in ("*", "+", "?", "{"):
            return node
        if char in "*+":
            least = 0 if char == "*" else 1
            raise self.error(
                f"{shown(char)} has no upper bound; "
                f"write how many at most, for example {{{least},10}}"
            )
        if char == "?":
            self.at += 1
            repeat = Repeat(node, 0, 1)
        else:
            repeat = self.braces(node)
        if self.peek() in ("*", "+", "?", "{"):
            raise self.error(
                f"{shown(self.peek())} repeats a repeat; put the part before it in parentheses"
            )
        return repeat

    def braces(self, node: Node) -> Repeat:
        match = _COUNT.match(self.text, self.at)
        if match is None:
            raise self.error(r"'{' starts no count; write {3} or {1,5}, or \{ for the character")
        least = int(match[1])
        if match[2] and match[3] is None:
            raise self.error(
                f"{shown(match[0])} has no upper bound; write how many at most, "
                f"for example {{{least},{least + 10}}}"
            )
        most = int(match[3]) if match[3] else least
        if most < least:
            raise self.error(f"{shown(match[0])} has its bounds swapped; write {{{most},{least}}}")
        if most > MAX_COUNT:
            raise self.error(
                f"{shown(match[0])} repeats too often; at most {MAX_COUNT} are allowed"
            )
        self.at = match.end()
        return Repeat(node, least, most)

    def escape(self) -> Ranges:
        """The characters of an escape such as `\\d` or `\\.`, outside or inside a class."""
        char = self.text[self.at + 1 : self.at + 2]
        if char == "d":
            ranges = _DIGITS
        elif char == "D":
            ranges = _negated(_DIGITS)
        elif char == "w":
            ranges = _WORD
        elif char == "W":
            ranges = _negated(_WORD)
        elif char in _CONTROLS:
            ranges = ((_CONTROLS[char], _CONTROLS[char]),)
        elif char == "":
            raise self.error(r"'\' ends the pattern; write \\ for the character")
        elif char.isascii() and char.isalnum():
            hint = "write a space" if char == "s" else r"\d, \D, \w, \W, \t, \n, \r are"
            raise self.error(rf"'\{char}' is not understood; {hint}")
        else:
            code = self.code_point(char)
            ranges = ((code, code),)
        self.at += 2
        return ranges

    def character_class(self) -> Characters:
        opened = self.at
        self.at += 1
        negated = self.peek() == "^"
        if negated:
            self.at += 1
        ranges: list[tuple[int, int]] = []
        while self.peek() != "]":
            if self.peek() == "":
                raise self.error(r"'[' is never closed; write \[ for the character", opened)
            ranges.extend(self.class_part())
        self.at += 1
        result = _negated(tuple(ranges)) if negated else _joined(tuple(ranges))
        if not result:
            raise self.error(
                r"the class holds no character; write \] or \^ for these characters", opened
            )
        return Characters(result)

    def class_part(self) -> Ranges:
        """One member of a class: a character, a shorthand or a range."""
        at = self.at
        low = self.class_character()
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low
        self.at += 1
        high = self.class_character()
        if len(low) > 1 or len(high) > 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
            raise self.error(r"a range needs one character at each end; write \- for the dash", at)
        bounds = (low[0][0], high[0][0])
        if bounds[1] < bounds[0]:
            raise self.error(
                f"the range {shown(self.text[at : self.at])} has its bounds swapped", at
            )
        if bounds[0] < _SURROGATES[0] and bounds[1] > _SURROGATES[1]:
            return ((bounds[0], _SURROGATES[0] - 1), (_SURROGATES[1] + 1, bounds[1]))
        return (bounds,)

    def class_character(self) -> Ranges:
        char = self.peek()
        if char == "\\":
            return self.escape()
        if char == "[":
            raise self.error(r"'[' within a class; write \[ for the character")
        if char == "":
            raise self.error("the class is never closed")
        code = self.code_point(char)
        self.at += 1
        return ((code, code),)


def _joined(ranges: Ranges) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def _negated(ranges: Ranges) -> Ranges:
    """Printable ASCII without these."""
    rest: list[tuple[int, int]] = []
    low, end = _PRINTABLE[0]
    for first, last in _joined(ranges):
        if first > low:
            rest.append((low, min(first - 1, end)))
        low = max(low, last + 1)
    if low <= end:
        rest.append((low, end))
    return tuple(r for r in rest if r[0] <= r[1])
