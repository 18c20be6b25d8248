"""Draws calls at random for as long as is said; prints what was found, and the seed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import down
from tests.fuzz.fuzzing import furnish, fuzz
from tests.integration.console.conftest import Console


def main() -> int:
    """Fuzz a console of its own; 0 if all answers are right."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, help="as a run before printed it")
    given = parser.parse_args()
    seed = [] if given.seed is None else ["--seed", str(given.seed)]
    with tempfile.TemporaryDirectory(prefix="rowmill-fuzz-") as folder:
        home = Home(Path(folder))
        console = Console(home)
        try:
            api = console.start()
            furnish(api)
            done = fuzz(api, "--max-time", str(given.seconds), *seed)
        finally:
            console.end()
            down(home)
    print(done.stdout)
    print("".join(console.said))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
