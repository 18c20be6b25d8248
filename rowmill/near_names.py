"""Which known names are near to an unknown one: what its writer probably meant."""

from __future__ import annotations

from collections.abc import Iterable

# As difflib measures it, from 0 to 1.
_ALIKE = 0.6


def near_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that an unknown one is probably a misspelling of."""
    return next(iter(near_names(name, known, most=1)), None)


def near_names(
    name: str, known: Iterable[str], *, most: int = 3, alike: float = _ALIKE
) -> list[str]:
    """The known names that an unknown one may be a misspelling of, the nearest first.

    Args:
        name: the unknown one.
        known: those that there are.
        most: so many at most.
        alike: how like the unknown one they are at least, from 0 to 1.
    """
    # Whoever makes rows has no use for it.
    from difflib import get_close_matches

    return get_close_matches(name, list(known), n=most, cutoff=alike)
