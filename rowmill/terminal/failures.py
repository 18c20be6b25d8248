"""From an error to an exit code and a message for the reader; the codes are interface."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

import typer

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


class UsageError(Exception):
    """The command was called wrongly: an unknown NAME, a flag that does not fit."""


class DocumentBegun(Exception):
    """The command failed, by its cause, amid an object of JSON that takes one more member."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        super().__init__(str(cause))


# Exit code, one word and message of an error that is meant for the reader, None of any other; and
# what the document says of it beside these.
Judgement = tuple[Exit, str, str] | tuple[Exit, str, str, Mapping[str, object]]
Judge = Callable[[Exception], Judgement | None]


@contextmanager
def ending(judge: Judge, extras: dict[str, str], *, as_json: bool) -> Iterator[None]:
    """Turn what the block raises into a message and an exit code.

    The message goes to standard error; with `as_json` the error is also the one JSON document on
    standard output, or the last member of the one that was begun. `extras` tells which extra brings
    a module that a command may lack.
    """
    try:
        try:
            yield
        except (BrokenPipeError, OutputLost, typer.Exit):
            raise
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - each has an exit code
            begun = isinstance(error, DocumentBegun)
            cause = error.cause if isinstance(error, DocumentBegun) else error
            if isinstance(cause, (OutputLost, BrokenPipeError)):
                raise cause from None
            before = "" if begun else "{" if as_json else None
            _leave(*_judgement(cause, judge, extras), before=before)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is no error of ours.
        discard_output()
        raise typer.Exit(0) from None
    except OutputLost as lost:
        discard_output()
        typer.echo(f"rowmill: {lost.told}", err=True)
        raise typer.Exit(int(Exit.FAILED)) from None


def _judgement(error: BaseException, judge: Judge, extras: dict[str, str]) -> Judgement:
    if not isinstance(error, Exception) or isinstance(error, typer.Abort):
        return Exit.INTERRUPTED, "Interrupted", "interrupted"
    return _judge_usage(error, extras) or judge(error) or _defect(error)


def _leave(
    code: Exit,
    reason: str,
    message: str,
    facts: Mapping[str, object] = {},
    *,
    before: str | None,
) -> None:
    """Say it and leave; on standard output as JSON after `before`, unless that is None."""
    say(f"rowmill: {message}", err=True)
    if before is not None:
        error = {"reason": reason, "message": message, "exitCode": int(code), **facts}
        typer.echo(f'{before}"error": {json.dumps(error, ensure_ascii=False)}}}')
    raise typer.Exit(int(code))


def _judge_usage(error: Exception, extras: dict[str, str]) -> Judgement | None:
    if isinstance(error, UsageError):
        return Exit.USAGE, "Usage", str(error)
    if not isinstance(error, ModuleNotFoundError):
        return None
    extra = extras.get((error.name or "").split(".")[0])
    if extra is None:
        return None
    message = f"this command needs the extra {extra!r}: pip install 'rowmill[{extra}]'"
    return Exit.USAGE, "ExtraMissing", message


def _defect(error: Exception) -> Judgement:
    traceback.print_exception(error)
    message = "this is a defect of Rowmill; please report it with the lines above"
    return Exit.FAILED, "Defect", f"{type(error).__name__}: {message}"
