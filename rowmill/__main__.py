"""`python -m rowmill`: the same as the `rowmill` command."""

from rowmill.cli import console_main

if __name__ == "__main__":
    console_main()
