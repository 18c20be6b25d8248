"""Addresses: which parts of a template stand in an e-mail address or a host name, how long each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowmill.spec.templates.placeholders import Field

# Octets before the `@` (RFC 5321, 4.5.3.1.1), and between dots of a host name (RFC 1035, 2.3.4).
LOCAL_PART, LABEL = 64, 63
# Beside letters and digits, what an unquoted local part can hold (RFC 5322, 3.2.3).
_IN_LOCAL_PARTS = frozenset("!#$%&'*+-/=?^_`{|}~.")


@dataclass(frozen=True)
class Stretch:
    """Consecutive fields of a template, `first` to before `end`, with `fixed` octets among them.

    Together they have room for `most` octets. At least one of the fields is a slug.
    """

    first: int
    end: int
    fixed: int
    most: int


def stretches(pieces: Sequence[str | Field]) -> list[Stretch]:
    """The stretches of a template that have a bound, from the left, and slugs to be cut to it.

    Such are what stands before an `@`, and behind an `@` or `://` each label of the host name.
    """
    reader = _Reader()
    for part in pieces:
        if isinstance(part, Field):
            reader.fields.append(part)
        else:
            reader.read(part)
    reader.close(LABEL if reader.in_host else None, in_host=False)
    return reader.found


def shortened(texts: Sequence[str], slugs: Sequence[bool], room: int) -> list[str]:
    """The texts of a stretch's fields with those that are `slugs` cut, so that all fit the room.

    Each slug has what the others leave, at least an even share and one character. `room` is in
    octets; if what cannot be cut needs more, it gets more.
    """
    rest = room - sum(len(t.encode()) for t, slug in zip(texts, slugs, strict=True) if not slug)
    waiting = [len(text) for text, slug in zip(texts, slugs, strict=True) if slug]
    found = []
    for text, slug in zip(texts, slugs, strict=True):
        if slug:
            share = max(rest - sum(waiting[1:]), rest // len(waiting), 1)
            text = text[:share].rstrip("-")
            rest -= len(text)
            del waiting[0]
        found.append(text)
    return found


class _Reader:
    """Reads a template from the left: the stretch that is open, and those that are found."""

    def __init__(self) -> None:
        self.found: list[Stretch] = []
        self.fields: list[Field] = []
        self.in_host = False
        self._first = 0
        self._fixed = 0

    def read(self, text: str) -> None:
        """Go on over fixed text."""
        for place, char in enumerate(text):
            if char == "@":
                self.close(LOCAL_PART, in_host=True)
            elif text[: place + 1].endswith("://"):
                self.close(None, in_host=True)
            elif self.in_host and char != "-" and not char.isalnum():
                self.close(LABEL, in_host=char == ".")
            elif not self.in_host and char not in _IN_LOCAL_PARTS and not char.isalnum():
                self.close(None, in_host=False)
            else:
                self._fixed += len(char.encode())

    def close(self, most: int | None, *, in_host: bool) -> None:
        """End the stretch, which has room for `most` octets or any number, and begin the next."""
        end = self._first + len(self.fields)
        if most is not None and any(field.filter == "slug" for field in self.fields):
            self.found.append(Stretch(self._first, end, self._fixed, most))
        self.fields, self._first, self._fixed, self.in_host = [], end, 0, in_host
