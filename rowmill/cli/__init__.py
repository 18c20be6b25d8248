"""The commands."""

import sys

# What typer ends with when it is interrupted where no command is at work yet.
_TYPERS_INTERRUPT = 130


def main() -> None:
    """The entry point of `rowmill`."""
    try:
        from rowmill.cli.app import app

        app()
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:
        if ended.code == _TYPERS_INTERRUPT:
            _interrupted()
        raise


def _interrupted() -> None:
    # So early that nobody else heeds it: as terminal/failures.py has it.
    print("rowmill: interrupted", file=sys.stderr)
    sys.exit(5)
