"""A statement's text as far as it must be read to be put into parentheses.

No fence: the server parses the text by itself first, as one statement. What is misread here is
refused there.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<string> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<dollar> \$(?P<tag>[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$ )
    | (?P<line> --[^\r\n]* )
    | (?P<block> /\* )
    | (?P<word> [A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]* )
    | (?P<end> ; )
    | .
    """,
    re.DOTALL | re.VERBOSE,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_SELECTS = ("select", "values", "table", "with")


def selected(text: str) -> str | None:
    """The text without the semicolon at its end and what follows, if it is a kind of SELECT.

    None of another statement, such as SHOW or EXPLAIN, of which no table can be made.
    """
    at, first = 0, None
    while at < len(text) and (token := _TOKEN.match(text, at)):
        kind, at = token.lastgroup, token.end()
        if kind == "end":
            text = text[: token.start()]
            break
        if kind in ("dollar", "tag"):
            closing = text.find(token["dollar"], at)
            at = len(text) if closing < 0 else closing + len(token["dollar"])
        elif kind == "block":
            at = _after_block(text, at)
        elif kind == "word" and first is None:
            first = token["word"].lower()
    return text if first in _SELECTS else None


def _after_block(text: str, at: int) -> int:
    """Where a comment ends whose `/*` was just before; they nest."""
    depth = 1
    while depth:
        edge = _BLOCK_EDGE.search(text, at)
        if edge is None:
            return len(text)
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at
