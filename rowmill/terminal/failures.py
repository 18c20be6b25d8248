"""From an error to an exit code and a message for the reader; the codes are interface."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from rowmill.errors import (
    Conflict,
    Differs,
    Failed,
    Interrupted,
    Invalid,
    NotFound,
    Refused,
    RowmillError,
    Unavailable,
    Unsupported,
    by_class,
)
from rowmill.terminal.prose import say
from rowmill.terminal.streams import OutputLost, discard_output


class Exit(IntEnum):
    """0 done, 1 differences, 2 wrong usage, 3 refused, 4 failed, 5 interrupted or aborted."""

    DONE = 0
    DIFFERENCES = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    INTERRUPTED = 5


EXIT_CODES: Mapping[type[RowmillError], Exit] = {
    Invalid: Exit.USAGE,
    NotFound: Exit.USAGE,
    Conflict: Exit.USAGE,
    Unsupported: Exit.USAGE,
    Refused: Exit.REFUSED,
    Unavailable: Exit.FAILED,
    Failed: Exit.FAILED,
    Differs: Exit.DIFFERENCES,
    Interrupted: Exit.INTERRUPTED,
}


class UsageError(Invalid):
    """The command was called wrongly, such as with a flag that does not fit."""

    def __init__(self, message: str) -> None:
        super().__init__("Usage", message)


class DocumentBegun(Exception):
    """The command failed, by its cause, amid an object of JSON that takes one more member."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        super().__init__(str(cause))


class Answered(Exception):
    """The command has given its whole answer, and ends with the exit code of this `kind`."""

    def __init__(self, kind: type[RowmillError]) -> None:
        self.kind = kind
        super().__init__(kind.__name__)


# What a command line makes of an error: of one of a library, or of ours in words of its own. None
# is a defect.
Translation = Callable[[Any], RowmillError | None]
Translations = Mapping[type[BaseException], Translation]


@contextmanager
def ending(translations: Translations, *, as_json: bool) -> Iterator[None]:
    """Turn what the block raises into a message and an exit code.

    The message goes to standard error; with `as_json` the error is also the one JSON document on
    standard output, or the last member of the one that was begun.
    """
    try:
        try:
            yield
        except (BrokenPipeError, OutputLost, typer.Exit):
            raise
        except Answered as answered:
            raise typer.Exit(int(EXIT_CODES[answered.kind])) from None
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - each has an exit code
            begun = isinstance(error, DocumentBegun)
            cause = error.cause if isinstance(error, DocumentBegun) else error
            if isinstance(cause, (OutputLost, BrokenPipeError)):
                raise cause from None
            before = "" if begun else "{" if as_json else None
            _leave(_translated(cause, {**_EVERYWHERE, **translations}), before=before)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is no error of ours.
        discard_output()
        raise typer.Exit(0) from None
    except OutputLost as lost:
        discard_output()
        typer.echo(f"rowmill: {lost.message}", err=True)
        raise typer.Exit(int(Exit.FAILED)) from None


def exit_code(error: RowmillError) -> Exit:
    """The exit code of the error's class."""
    code = by_class(EXIT_CODES, error)
    assert code is not None, f"{type(error).__name__} derives from none that has an exit code"
    return code


def error_document(error: RowmillError) -> dict[str, object]:
    """What `-o json` says of an error, under the name `error`."""
    return {**error.to_json(), "exitCode": int(exit_code(error))}


def missing_extra(extras: Mapping[str, str]) -> Translation:
    """Tells of a module that is missing the extra that brings it, by `extras`."""

    def needs_extra(error: ModuleNotFoundError) -> RowmillError | None:
        extra = extras.get((error.name or "").split(".")[0])
        if extra is None:
            return None
        message = f"this command needs the extra {extra!r}: pip install 'rowmill[{extra}]'"
        return Unsupported("ExtraMissing", message)

    return needs_extra


def _interrupted(_error: BaseException) -> Interrupted:
    return Interrupted("Interrupted", "interrupted")


_EVERYWHERE: Translations = {KeyboardInterrupt: _interrupted, typer.Abort: _interrupted}


def _translated(error: BaseException, translations: Translations) -> RowmillError:
    translate = by_class(translations, error)
    translated = error if translate is None else translate(error)
    return translated if isinstance(translated, RowmillError) else _defect(error)


def _leave(error: RowmillError, *, before: str | None) -> None:
    """Say it and leave; on standard output as JSON after `before`, unless that is None."""
    say(f"rowmill: {error.message}", err=True)
    if before is not None:
        document = json.dumps(error_document(error), ensure_ascii=False)
        typer.echo(f'{before}"error": {document}}}')
    raise typer.Exit(int(exit_code(error)))


def _defect(error: BaseException) -> Failed:
    traceback.print_exception(error)
    message = "this is a defect of Rowmill; please report it with the lines above"
    return Failed("Defect", f"{type(error).__name__}: {message}")
