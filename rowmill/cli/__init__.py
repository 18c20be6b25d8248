"""The commands."""

import sys


def main() -> None:
    """The entry point of `rowmill`."""
    try:
        from rowmill.cli.app import app

        app()
    except KeyboardInterrupt:
        # So early that nobody else heeds it: interrupted, as terminal/failures.py has it.
        sys.exit(5)
