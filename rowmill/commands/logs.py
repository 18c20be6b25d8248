"""`logs`: what the processes of a run say."""

from __future__ import annotations

import sys

from rowmill.engine.interface import Engine
from rowmill.views.log_lines import text_of


def logs(engine: Engine, name: str, run: int | None, follow: bool) -> None:
    """Print the lines of all processes of a run, each with its source before it."""
    for line in engine.logs(name, run=run, follow=follow):
        _print(text_of(line), follow)


def logs_of_shards(
    engine: Engine, name: str, run: int | None, shard: int | None, follow: bool
) -> None:
    """As `logs`, or the lines of one shard as they are."""
    for line in engine.logs(name, run=run, shard=shard, follow=follow):
        _print(text_of(line) if shard is None else line.text, follow)


def _print(text: str, at_once: bool) -> None:
    print(text)
    if at_once:
        sys.stdout.flush()
