"""What both faces say of a NAME that they do not know."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.errors import NotFound
from rowmill.near_names import near_names


def unknown_experiment(said: str, name: str, known: Sequence[str], instead: str) -> NotFound:
    """The error, which names those that were probably meant, else all that there are.

    Args:
        said: what is wrong, such as `no experiment 'shop' was run here`.
        name: the unknown one.
        known: those that there are.
        instead: what else the reader can do, such as `take another namespace with -n`.
    """
    near = near_names(name, known)
    if near:
        message = f"{said}; did you mean {' or '.join(repr(each) for each in near)}?"
    elif known:
        message = f"{said} (known: {', '.join(known)}); name one of these, or {instead}"
    else:
        message = f"{said}, nor any other; {instead}"
    return NotFound("ExperimentUnknown", message)
