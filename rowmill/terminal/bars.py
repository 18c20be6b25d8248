"""Live bars of a run: one for each table and one for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

# More bars than fit a screen help nobody: of the rest only the total shows.
MAX_TABLES = 20
_LINE, _LEAST_LINE = 30, 4
_LEAST_LABEL = 12
_DONE, _AHEAD, _REST = "━", "╌", " "


@dataclass(frozen=True)
class Bar:
    """What one bar shows: `done` of `total`, as `percent` says too, and words beside it.

    `ahead` is what is on its way beyond `done`: drawn, but in no figure of the bar's.
    """

    done: int
    total: int
    percent: int
    words: str
    ahead: int = 0


def label_column(text: str, console: Console) -> TextColumn:
    """A column of names, the longest cut so that the figures beside them are not."""
    width = max(_LEAST_LABEL, console.width // 3)
    narrow = Column(no_wrap=True, overflow="ellipsis", max_width=width)
    return TextColumn(text, markup=False, table_column=narrow)


class Bars:
    """Bars on a console while this is entered; a `transient` one's are taken off it at the end.

    Texts are shown as they are, never read as markup: they come from manifests and from servers.
    """

    def __init__(self, console: Console, *, transient: bool) -> None:
        self._progress = _WithFoot(
            label_column("{task.fields[label]}", console),
            _Drawn(),
            TextColumn("{task.fields[bar].percent:>3}%"),
            TextColumn("{task.fields[bar].words}", markup=False),
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

    def table(self, name: str, bar: Bar) -> None:
        """Show a table's rows; those shown first keep their places, and late ones get none."""
        known = self._tables.get(name)
        if known is not None or len(self._tables) < MAX_TABLES:
            self._tables[name] = self._show(known, name, bar)

    def whole(self, label: str, bar: Bar) -> None:
        """Show the rows of all tables."""
        self._total = self._show(self._total, label, bar)

    def foot(self, text: Callable[[], str] | None) -> None:
        """Show a line below the bars, asked for whenever they are drawn; None takes it away."""
        self._progress.foot = text
        self._progress.refresh()

    def _show(self, task: TaskID | None, label: str, bar: Bar) -> TaskID:
        if task is None:
            return self._progress.add_task("", total=None, label=label, bar=bar)
        self._progress.update(task, label=label, bar=bar)
        return task


class _Drawn(ProgressColumn):
    """The line of a bar."""

    def render(self, task: Task) -> _Line:
        return _Line(task.fields["bar"])


@dataclass(frozen=True)
class _Line:
    """What is done in one stroke, what is on its way in another, as wide as there is room."""

    bar: Bar

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(_LEAST_LINE, options.max_width), min(_LINE, options.max_width))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        bar, width = self.bar, min(_LINE, options.max_width)
        # A table of no rows is done from the start.
        done = width * bar.done // bar.total if bar.total else width
        reached = width * (bar.done + bar.ahead) // bar.total if bar.total else width
        drawn = Text(_DONE * done, "bar.complete" if bar.total else "progress.percentage")
        drawn.append(_AHEAD * (min(width, reached) - done), "bar.pulse")
        yield drawn.append(_REST * (width - len(drawn)))


class _WithFoot(Progress):
    """Bars, and below them a line that need not be of one of them."""

    foot: Callable[[], str] | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.foot is not None:
            yield Text(self.foot(), overflow="ellipsis", no_wrap=True)
