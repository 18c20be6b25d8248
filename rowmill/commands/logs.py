"""`logs`: what the processes of a run say."""

from __future__ import annotations

import sys

from rowmill.engine.interface import Engine
from rowmill.views.log_lines import text_of


def logs(
    engine: Engine, name: str, run: int | None, shard: int | None = None, follow: bool = False
) -> None:
    """Print the lines of all processes of a run, each with its source before it, or of a shard."""
    for line in engine.logs(name, run=run, shard=shard, follow=follow):
        print(line.text if shard is not None else text_of(line))
        if follow:
            sys.stdout.flush()
