"""`python -m rowmill`: the same as the `rowmill` command."""

from rowmill.cli import main

if __name__ == "__main__":
    main()
