"""Counts as people read them, for every sentence that tells how many of something there are."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows, 10,000 rows: a noun that takes an s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
