"""Live bars of a run: one for each table and one for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from rowmill.terminal.prose import visible

# More bars than fit a screen help nobody: of the rest only the total shows.
MAX_TABLES = 20
_LINE, _LEAST_LINE = 30, 6
_LEAST_LABEL = 12
# Room for the longest phase but the last, and for a load's words, so that neither moves a bar.
_USUAL_LABEL = len("run 10 finalizing")
_USUAL_WORDS = len("1,000,000 rows durable, 412 k rows/s, ETA 59.9 s")
_PERCENT_AND_SPACES = len("100%") + 3
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

    Texts are never read as markup, nor steer the terminal: they come from manifests and servers.
    """

    def __init__(self, console: Console, *, transient: bool) -> None:
        self._places = _Places(console)
        self._progress = _WithFoot(
            _Label(self._places),
            _Drawn(self._places),
            TextColumn("{task.fields[bar].percent:>3}%"),
            TextColumn("{task.fields[bar].words}", markup=False, table_column=Column()),
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
        label, bar = visible(label), replace(bar, words=visible(bar.words))
        self._places.hold(label)
        if task is None:
            return self._progress.add_task("", total=None, label=label, bar=bar)
        self._progress.update(task, label=label, bar=bar)
        return task


class _Places:
    """Where the columns stand: they depend on labels and the terminal, and on no figures."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._longest = _USUAL_LABEL

    def hold(self, label: str) -> None:
        """Make room for a label."""
        self._longest = max(self._longest, cell_len(label))

    @property
    def label(self) -> int:
        """The columns of the labels."""
        rest = self._console.width - _LEAST_LINE - _PERCENT_AND_SPACES - _USUAL_WORDS
        return min(self._longest, self._console.width // 3, max(_USUAL_LABEL, rest))

    @property
    def line(self) -> int:
        """The columns of the bars."""
        rest = self._console.width - self.label - _PERCENT_AND_SPACES - _USUAL_WORDS
        return min(_LINE, max(_LEAST_LINE, rest))


class _Label(ProgressColumn):
    """The name beside a bar, cut so that the figures are not."""

    def __init__(self, places: _Places) -> None:
        self._places = places
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        label = Text(task.fields["label"])
        label.truncate(self._places.label, overflow="ellipsis", pad=True)
        return label


class _Drawn(ProgressColumn):
    """The line of a bar."""

    def __init__(self, places: _Places) -> None:
        self._places = places
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> _Line:
        return _Line(task.fields["bar"], self._places.line)


@dataclass(frozen=True)
class _Line:
    """What is done in one stroke, what is on its way in another."""

    bar: Bar
    width: int

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        bar, width = self.bar, min(self.width, options.max_width)
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
            yield Text(visible(self.foot()), overflow="ellipsis", no_wrap=True)
