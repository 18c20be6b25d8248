"""The commands."""

from rowmill.local.workers.process_settings import set_for_commands
from rowmill.terminal.entry import interruptible, own_process


def console_main() -> None:
    """The entry point of the process `rowmill`; a program that goes on calls `main`."""
    with own_process():
        main()


def main() -> None:
    """Run the command of `sys.argv`, which ends in SystemExit with its exit code."""
    set_for_commands()
    with interruptible("rowmill"):
        from rowmill.cli.app import app

        app()
