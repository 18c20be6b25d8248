"""The `rowmill` command with a supervisor that tells nobody how far it is: what that costs less."""

from __future__ import annotations

from unittest import mock

from rowmill.cli import console_main
from rowmill.local.run.progress_report import ProgressReport


def _nothing(*_: object) -> None:
    return


if __name__ == "__main__":
    with mock.patch.multiple(ProgressReport, offer=_nothing, write=_nothing):
        console_main()
