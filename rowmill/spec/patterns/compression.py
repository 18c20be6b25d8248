"""How many bytes of a random text no compression of Postgres takes away.

Postgres compresses by pglz or, from 14 on, by lz4. Both replace text that occurred before and leave
every other character its byte. So of a text drawn at random nearly all stays; how likely less is
left is bounded here by counting the ways to compress (Chernoff's bound over all parses). What is
said holds but for one text in 2 ** 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, floor, inf, log, log2

from rowmill.spec.patterns.syntax import Alternatives, Chain, Characters, Node, Repeat, parse

_CERTAIN_BITS = 64
# An ASCII class of one character is no draw.
_LAST_ASCII = 127
# What a piece may share with its neighbours: a match that reaches over the border.
_BORDER_BYTES = 3
_STEPS = 40


@dataclass(frozen=True)
class _Match:
    """Repeats of `shortest` to `longest` characters, written in `bits`; None: of any length."""

    shortest: int
    longest: int | None
    bits: int


@dataclass(frozen=True)
class _Method:
    """A compression: bits of a character, how far back it looks, and when it is not worth it."""

    character_bits: int
    window: int
    matches: Sequence[_Match]
    worth: float


# The fewest bits that each can need; a run of characters or a far match takes more.
_PGLZ = _Method(9, 4095, (_Match(3, 17, 17), _Match(18, 273, 25)), 0.75)
_LZ4 = _Method(8, 65535, (_Match(4, None, 24),), 1.0)


@lru_cache(maxsize=1024)
def random_text_kept(symbols: int, length: int) -> int:
    """Bytes that stay of `length` characters drawn from `symbols` ASCII ones, each as likely.

    It is `length` where neither method finds it worth while.
    """
    if symbols < 2:
        return 0
    kept = length
    for method in (_PGLZ, _LZ4):
        least = floor(_least(method, symbols, length))
        if least <= method.worth * length:
            kept = min(kept, least)
    return kept


@lru_cache(maxsize=1024)
def pattern_kept(pattern: str) -> int:
    """Bytes that stay of a text of the pattern.

    It holds however strings are drawn, as long as each character of a class is as likely: all
    strings alike, or each branch and each length alike.
    """
    sure = _sure(parse(pattern))
    return max(0, floor((sure.bits - _CERTAIN_BITS) / 8), sure.kept)


def drawn_kept(bits: float) -> int:
    """Bytes that stay of a value no one of which is more likely than 2 ** -bits."""
    return max(0, floor((bits - _CERTAIN_BITS) / 8))


def pattern_bits(pattern: str) -> float:
    """Bits such that no string of the pattern is more likely than 2 ** -bits."""
    return _sure(parse(pattern)).bits


@dataclass(frozen=True)
class _Sure:
    """Of a part of a pattern: bits of chance, bytes kept, and the characters it may have."""

    bits: float
    kept: int
    shortest: int
    longest: int

    @property
    def join_bits(self) -> float:
        """What is lost where it meets another part: in how many places the border may be."""
        return 0.0 if self.shortest == self.longest else log2(self.longest + 1)


def _sure(node: Node) -> _Sure:
    if isinstance(node, Characters):
        return _Sure(log2(_symbols(node)), 0, 1, 1)
    if isinstance(node, Chain):
        return _chain([_sure(item) for item in node.items])
    if isinstance(node, Alternatives):
        parts = [_sure(item) for item in node.items]
        # A string of several branches is at most as likely as in the one where it is likeliest.
        return _Sure(
            min(part.bits for part in parts),
            min(part.kept for part in parts),
            min(part.shortest for part in parts),
            max(part.longest for part in parts),
        )
    return _repeat(node)


def _chain(parts: Sequence[_Sure]) -> _Sure:
    bits = sum(part.bits - part.join_bits for part in parts)
    kept = sum(max(0, part.kept - _BORDER_BYTES) for part in parts)
    if len(parts) == 1:
        bits, kept = parts[0].bits, parts[0].kept
    shortest = sum(part.shortest for part in parts)
    return _Sure(max(0.0, bits), kept, shortest, sum(part.longest for part in parts))


def _repeat(node: Repeat) -> _Sure:
    item = _sure(node.item)
    longest = item.longest * node.max
    joins = max(0, node.min - 1) * (0.0 if item.join_bits == 0 else log2(longest + 1))
    kept = node.min * max(0, item.kept - _BORDER_BYTES)
    if isinstance(node.item, Characters) and node.item.ranges[-1][1] <= _LAST_ASCII:
        kept = random_text_kept(_symbols(node.item), node.min)
    bits = max(0.0, node.min * item.bits - joins)
    return _Sure(bits, kept, item.shortest * node.min, longest)


def _symbols(node: Characters) -> int:
    return sum(high - low + 1 for low, high in node.ranges)


def _least(method: _Method, symbols: int, length: int) -> float:
    """The bytes below which no more than one text in 2 ** 64 is written."""
    best = 0.0
    for step in range(1, _STEPS):
        weight = log(symbols) / 8 * step / (_STEPS / 2)
        growth = _growth(method, symbols, length, weight)
        bits = (-_CERTAIN_BITS * log(2) - length * log(growth)) / weight
        best = max(best, bits / 8)
    return best


def _growth(method: _Method, symbols: int, length: int, weight: float) -> float:
    """By what each character multiplies the sum over all ways to write a text, at most.

    Every way counts by its chance to fit the text and by exp(-weight) for each bit. The chance that
    a match of n characters fits is symbols ** -n for each place in the window.
    """
    window = min(method.window, length)

    def total(growth: float) -> float:
        share = 1 / (symbols * growth)
        if share >= 1:
            return inf
        found = exp(-method.character_bits * weight) / growth
        for match in method.matches:
            beyond = 0.0 if match.longest is None else share ** (match.longest + 1)
            chances = (share**match.shortest - beyond) / (1 - share)
            found += window * exp(-match.bits * weight) * chances
        return found

    low, high = exp(-method.character_bits * weight), 1e6
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if total(middle) <= 1 else (middle, high)
    return high
