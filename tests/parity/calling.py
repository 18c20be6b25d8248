"""How a cell is called: as it stands in the table."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import rowmill
from tests.parity.abilities import ABILITIES
from tests.parity.cells import Call, calls

_REQUEST = re.compile(
    r"(?P<verb>[A-Z]+) (?P<path>/[^ ?]*)(?P<query>\?\S+)?(?: (?P<body>\S+\.yaml|\{.*\}))?"
    r"(?: If-Match: (?P<etag>\S+))?"
)


@dataclass
class Cells:
    """The cells of a column; those that were called are crossed off."""

    face: str
    left: dict[str, Call] = field(init=False)

    def __post_init__(self) -> None:
        self.left = calls(ABILITIES, self.face)

    def take(self, ability: str) -> Call:
        return self.left.pop(ability)


def evaluated(call: Call, **names: Any) -> Any:
    """What the expression comes to, with `rowmill` and these names; rows, where it is a query."""
    found = eval(call.text, {"rowmill": rowmill, **names})
    if isinstance(found, AbstractContextManager):
        with found as result:
            return [tuple(row) for row in result.rows]
    return found


@dataclass(frozen=True)
class Request:
    """A call of REST; `body` is a manifest's file or JSON, `etag` what If-Match is to be."""

    verb: str
    path: str
    query: str
    body: str | None
    etag: str | None


def request(text: str) -> Request:
    """The call that a cell of REST's column says."""
    found = _REQUEST.fullmatch(text)
    assert found is not None, text
    return Request(found["verb"], found["path"], found["query"] or "", found["body"], found["etag"])
