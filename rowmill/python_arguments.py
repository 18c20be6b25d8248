"""What Python code gives to the API, checked before anything begins: kinds of values, bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from operator import index
from os import PathLike
from pathlib import Path
from typing import SupportsIndex

from rowmill.engine.request import Mode
from rowmill.errors import Invalid
from rowmill.local.home.file_paths import whole_path
from rowmill.spec.run_bounds import Bounds

_MOST_SHOWN = 40


class InvalidArgument(Invalid):
    """A call was given what it does not take; the message names the parameter."""

    def __init__(self, message: str) -> None:
        super().__init__("Usage", message)


def whole_number(name: str, value: object, bounds: Bounds | None = None) -> int:
    """The parameter `name` as an int; it may be any whole number, such as numpy's, but no bool.

    Raises:
        InvalidArgument: it is none, or out of bounds.
    """
    # A bool is an int to Python, and no count to its user.
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        # An array is of that type too, and raises where it holds more than one whole number.
        with suppress(TypeError):
            number = index(value)
            if bounds is None or bounds.least <= number <= bounds.most:
                return number
    wanted = "" if bounds is None else f" from {bounds.least:,} to {bounds.most:,}"
    raise InvalidArgument(f"{name}={_shown(value)}: give a whole number{wanted}")


def whole_number_or_none(name: str, value: object, bounds: Bounds | None = None) -> int | None:
    """As `whole_number`; None, for what is not given, stays."""
    return None if value is None else whole_number(name, value, bounds)


def chosen_mode(value: object) -> Mode:
    """The mode, given as such or as its text; raises InvalidArgument."""
    known = {str(mode): mode for mode in Mode}
    if isinstance(value, str) and value in known:
        return known[value]
    modes = ", ".join(f"rowmill.Mode.{mode.name} ({mode.value!r})" for mode in Mode)
    raise InvalidArgument(f"mode={_shown(value)}: give one of {modes}")


def check_callable(name: str, value: object) -> None:
    """See that the parameter can be called; raises InvalidArgument."""
    if not callable(value):
        raise InvalidArgument(f"{name}={_shown(value)}: give a function of one argument")


def check_text(name: str, value: object) -> None:
    """See that the parameter, if given, is a str; raises InvalidArgument.

    The message does not show it: a manifest is long, and an owner key may be anything.
    """
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{name} is of type {_kind(value)}: give a str")


def check_path(name: str, value: object) -> None:
    """See that the parameter is a file's path; raises InvalidArgument."""
    if not _is_path(value):
        raise InvalidArgument(f"{name} is of type {_kind(value)}: give a str or a Path")


def check_names(name: str, value: object) -> None:
    """See that the parameter, if given, is several names; raises InvalidArgument."""
    if value is not None and (isinstance(value, (str, bytes)) or not isinstance(value, Iterable)):
        raise InvalidArgument(f"{name}={_shown(value)}: give a list of names")


def secret_files(secrets: object) -> dict[str, Path]:
    """The files of secrets by name; raises InvalidArgument, which shows no value of them."""
    if secrets is None:
        return {}
    wanted = 'give a dict, such as {"warehouse": "warehouse.env"}'
    if not isinstance(secrets, Mapping):
        raise InvalidArgument(f"secrets is of type {_kind(secrets)}: {wanted}")
    for name, file in secrets.items():
        if not isinstance(name, str) or not _is_path(file):
            kinds = f"{_kind(name)} and {_kind(file)}"
            raise InvalidArgument(f"secrets has a pair of {kinds}: {wanted}, of names and files")
    return {name: whole_path(file) for name, file in secrets.items()}


def _is_path(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, PathLike) and isinstance(value.__fspath__(), str)
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _kind(value: object) -> str:
    return type(value).__name__
