"""`logs`: what the processes of a run say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rowmill.commands.watching import STOPPED_LOOKING
from rowmill.engine.interface import Engine
from rowmill.errors import Interrupted
from rowmill.terminal.prose import visible
from rowmill.views.log_lines import text_of, words_of


def logs(engine: Engine, name: str, run: int | None, follow: bool) -> None:
    """Print the lines of all processes of a run, each with its source before it."""
    logs_of_shards(engine, name, run, None, follow)


def logs_of_shards(
    engine: Engine, name: str, run: int | None, shard: int | None, follow: bool
) -> None:
    """As `logs`, or the lines of one shard as they are, but for what would steer a terminal."""
    shown = visible if sys.stdout.isatty() else str
    of_it = (("--run", run), ("--shard", shard))
    options = [f"{option} {number}" for option, number in of_it if number is not None]
    with _left_alone(engine.command("logs", name, *options, "-f"), follow):
        for line in engine.logs(name, run=run, shard=shard, follow=follow):
            print(shown(text_of(line) if shard is None else words_of(line)), flush=follow)


@contextmanager
def _left_alone(again: str, follow: bool) -> Iterator[None]:
    """Ctrl-C ends the looking, and not the run."""
    try:
        yield
    except KeyboardInterrupt:
        if not follow:
            raise
        raise Interrupted("Interrupted", f"{STOPPED_LOOKING}: {again}") from None
