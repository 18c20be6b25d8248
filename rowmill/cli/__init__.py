"""The commands."""


def main() -> None:
    """The entry point of `rowmill`."""
    from rowmill.cli.app import app

    app()
