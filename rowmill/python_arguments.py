"""What Python code gives to the API, checked before anything begins: kinds of values, bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from operator import index
from os import PathLike
from pathlib import Path
from typing import SupportsIndex, TypeVar

from rowmill.engine.records import State
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Invalid
from rowmill.local.home.file_paths import whole_path
from rowmill.spec.load import Overrides
from rowmill.spec.run_bounds import BATCH_ROWS, WORKERS, Bounds

T = TypeVar("T")
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


def check_callable(name: str, value: T) -> T:
    """The parameter, seen to be one that can be called; raises InvalidArgument."""
    if not callable(value):
        raise InvalidArgument(f"{name}={_shown(value)}: give a function of one argument")
    return value


def given_text(name: str, value: object) -> str:
    """The parameter, which is a str and nothing else; raises InvalidArgument."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} is of type {_kind(value)}: give a str")
    return value


def check_text(name: str, value: object) -> None:
    """See that the parameter, if given, is a str; raises InvalidArgument.

    The message does not show it: a manifest is long, and an owner key may be anything.
    """
    if value is not None:
        given_text(name, value)


def flag(name: str, value: object) -> bool:
    """The parameter, which is True or False: a text such as "no" would count as true."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}={_shown(value)}: give True or False")
    return value


def chosen_state(name: str, value: object) -> State:
    """The state, given as such or as its text; raises InvalidArgument."""
    known = {str(state): state for state in State}
    if isinstance(value, str) and value in known:
        return known[value]
    raise InvalidArgument(f"{name}={_shown(value)}: give a rowmill.State, such as 'RUNNING'")


def checked_request(name: str, value: object) -> ApplyRequest:
    """The request, with all that is in it checked; raises InvalidArgument."""
    if not isinstance(value, ApplyRequest):
        raise InvalidArgument(f"{name} is of type {_kind(value)}: give a rowmill.ApplyRequest")
    if not isinstance(value.manifest, str):
        kind = _kind(value.manifest)
        raise InvalidArgument(f"manifest is of type {kind}: give its text, not its file")
    if not isinstance(value.overrides, Overrides):
        kind = _kind(value.overrides)
        raise InvalidArgument(f"overrides is of type {kind}: give a rowmill.Overrides")
    check_text("adopt", value.adopt)
    seed = whole_number_or_none("seed", value.overrides.seed)
    return replace(
        value,
        overrides=replace(value.overrides, seed=seed),
        secrets=secret_files(value.secrets),
        mode=chosen_mode(value.mode),
        workers=whole_number_or_none("workers", value.workers, WORKERS),
        batch_rows=whole_number_or_none("batch_rows", value.batch_rows, BATCH_ROWS),
    )


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
