"""Live bars of a run: one for each table and one for all."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

# More bars than fit a screen help nobody: of the rest only the total shows.
MAX_TABLES = 20


class Bars:
    """Bars on a console while this is entered; a `transient` one's are taken off it at the end.

    Texts are shown as they are, never read as markup: they come from manifests and from servers.
    """

    def __init__(self, console: Console, *, transient: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=transient,
        )
        self._tables: dict[str, TaskID] = {}
        self._total: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def table(self, name: str, done: int, total: int, text: str) -> None:
        """Show a table's rows; those shown first keep their places, and late ones get none."""
        known = self._tables.get(name)
        if known is not None or len(self._tables) < MAX_TABLES:
            self._tables[name] = self._show(known, name, done, total, text)

    def whole(self, label: str, done: int, total: int, text: str) -> None:
        """Show the rows of all tables."""
        self._total = self._show(self._total, label, done, total, text)

    def _show(self, task: TaskID | None, label: str, done: int, total: int, text: str) -> TaskID:
        # A table of no rows is done from the start.
        shown, whole = (done, total) if total else (1, 1)
        name, figures = Text(label).markup, Text(text).markup
        if task is None:
            return self._progress.add_task(
                "", total=whole, completed=shown, label=name, figures=figures
            )
        self._progress.update(task, total=whole, completed=shown, label=name, figures=figures)
        return task
