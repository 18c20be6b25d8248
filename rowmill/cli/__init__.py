"""The commands."""

from rowmill.local.process_settings import set_for_commands
from rowmill.terminal.entry import interruptible


def main() -> None:
    """The entry point of `rowmill`."""
    set_for_commands()
    with interruptible("rowmill"):
        from rowmill.cli.app import app

        app()
