"""What both faces say of a NAME that they do not know."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from rowmill.errors import NotFound


def unknown_experiment(said: str, name: str, known: Sequence[str], instead: str) -> NotFound:
    """The error, which names those that were probably meant, else all that there are.

    Args:
        said: what is wrong, such as `no experiment 'shop' was run here`.
        name: the unknown one.
        known: those that there are.
        instead: what else the reader can do, such as `take another namespace with -n`.
    """
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        message = f"{said}; did you mean {' or '.join(repr(each) for each in near)}?"
    elif known:
        message = f"{said} (known: {', '.join(known)}); name one of these, or {instead}"
    else:
        message = f"{said}, nor any other; {instead}"
    return NotFound("ExperimentUnknown", message)
