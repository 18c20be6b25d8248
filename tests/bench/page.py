"""The page of figures: parts that different commands write, each leaving the others' alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.figures import Figure

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
# The first lines of the parts, in the page's order.
ONE_MACHINE = "# Benchmarks"
IN_PODS = "## On Kubernetes, in pods"
SEEN = "## On Kubernetes, what is told of a run"
SIMULATED = "## On Kubernetes, many experiments"
_HEADINGS = (ONE_MACHINE, IN_PODS, SEEN, SIMULATED)


def write(heading: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace the part below `heading`, one of the headings above, by these lines of Markdown."""
    parts = _parts(page.read_text("utf-8") if page.exists() else "")
    parts[heading] = "\n".join(lines).strip("\n")
    texts = [f"{each}\n\n{parts[each]}\n" for each in _HEADINGS if each in parts]
    page.write_text("\n".join(texts), encoding="utf-8")


def machine_table(described: Mapping[str, str]) -> list[str]:
    """Lines of Markdown that tell on what was measured."""
    return ["| | |", "|---|---|", *(f"| {label} | {text} |" for label, text in described.items())]


def figure_table(figures: Sequence[Figure]) -> list[str]:
    """Lines of Markdown that tell what was measured."""
    return [
        "| what | reach | measured | met |",
        "|---|---|---|---|",
        *(f"| {f.what} | {f.reach} | {f.measured} | {f.verdict} |" for f in figures),
    ]


def show(figures: Sequence[Figure]) -> None:
    """Print the figures for whoever measures."""
    table = Table(show_lines=True)
    for heading in ("what", "reach", "measured", "met"):
        table.add_column(heading, overflow="fold")
    for figure in figures:
        cells = (figure.what, figure.reach, figure.measured, figure.verdict.replace("*", ""))
        table.add_row(*map(Text, cells))
    Console().print(table)


def _parts(text: str) -> dict[str, str]:
    """Each part's text by its heading."""
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line in _HEADINGS:
            lines = parts.setdefault(line, [])
        else:
            lines.append(line)
    return {heading: "\n".join(lines).strip("\n") for heading, lines in parts.items()}
