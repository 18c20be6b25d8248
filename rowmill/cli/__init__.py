"""The commands."""

from rowmill.terminal.entry import interruptible


def main() -> None:
    """The entry point of `rowmill`."""
    with interruptible("rowmill"):
        from rowmill.cli.app import app

        app()
