"""What docs/faces.md has from the table of abilities, which tests call; see generate.py."""

from __future__ import annotations

from pathlib import Path

from tests.parity.abilities import ABILITIES
from tests.parity.cells import markdown

TARGET = Path(__file__).parent.parent / "docs" / "faces.md"
MARK = "<!-- From here on written by scripts/make_parity_table.py. -->"


def with_table(document: str) -> str:
    """The document with all after the mark written anew.

    Raises:
        ValueError: it has no mark.
    """
    before, found, _ = document.partition(MARK)
    if not found:
        raise ValueError(f"{TARGET} lacks {MARK}")
    table = "\n".join(markdown(ABILITIES))
    return f"{before}{MARK}\n\n{table}\n"
