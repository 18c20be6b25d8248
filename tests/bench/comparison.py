"""This tree against a commit: the same load by both in turn, each on servers of its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import platformdirs

from tests.bench import finalizing, startup
from tests.bench.env import ROOT, Done, Env, Tree
from tests.bench.figures import Figure, Samples, ratio_figure
from tests.bench.loading import MIB, load
from tests.history import full_hash, unpack

# Trees and environments of commits, kept from one comparison to the next.
CACHE = platformdirs.user_cache_path("rowmill-bench")
LOCK = "requirements.lock"
RUNS = 5
MOST_CPU = 1.03
WORKER_BYTES = 290 * MIB
_DESTINATIONS = ("postgres", "parquet")


class NoBase(Exception):
    """The commit cannot be measured; the message says why."""


def base_tree(commit: str, say: Callable[[str], None]) -> Tree:
    """The commit's files in the cache, with an environment of its own where its lock is another.

    Raises:
        NoBase: the history lacks it, or a package of its lock cannot be installed.
    """
    known = full_hash(commit)
    if known is None:
        raise NoBase(
            f"the history of this clone has no commit {commit!r}: fetch it (git fetch --unshallow)"
        )
    folder = CACHE / known
    if not folder.exists():
        draft = folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        unpack(known, draft)
        draft.rename(folder)
    if (folder / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        say(f"{commit} has this tree's {LOCK}: both run in this environment")
        return Tree(folder)
    say(f"{commit} has another {LOCK}: it runs in an environment of its own")
    return Tree(folder, _environment(folder))


def measure(
    base: Tree, wanted: Sequence[str], rows: int, runs: int | None, say: Callable[[str], None]
) -> list[Figure]:
    """The wanted parts, by both trees in turn.

    Args:
        rows: of a load.
        runs: rounds of each part, in place of its own number.
    """
    found: list[Figure] = []
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(_env(tree)) for tree in (Tree(), base))
        if "load" in wanted:
            found += _load(ours, theirs, rows, runs or RUNS, say)
        if "startup" in wanted:
            found += startup.measure(ours, theirs, runs or startup.RUNS, say)
        if "finalize" in wanted:
            mine, bar = finalizing.Side("this tree", ours), finalizing.Side("base", theirs)
            found += finalizing.measure(mine, bar, rows // 2, runs or finalizing.RUNS, say)
    return found


def _load(ours: Env, theirs: Env, rows: int, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Load `rows` rows by both `runs` times; every other round the base goes first."""
    mine: list[Done] = []
    bars: list[Done] = []
    sides = [("this tree", ours, mine), ("base", theirs, bars)]
    for _, env, _ in sides:
        _load_once(env, 1_000)
    for number in range(runs):
        say(f"round {number + 1} of {runs}")
        for name, env, done in sides if number % 2 == 0 else reversed(sides):
            done.append(_load_once(env, rows))
            cpu, peak = _cpu(done[-1]), _peak(done[-1])
            say(f"  {name:9}  {cpu:6.2f} core-s  {done[-1].seconds:6.1f} s  {peak:4.0f} MiB")
    return figures(rows, mine, bars)


def figures(rows: int, mine: list[Done], bars: list[Done]) -> list[Figure]:
    """The rows of the table that these rounds give."""
    peaks = Samples.of([_peak(done) for done in mine])
    base_peaks = Samples.of([_peak(done) for done in bars])
    wall = ratio_figure("", [done.seconds for done in mine], [done.seconds for done in bars], 1.0)
    return [
        ratio_figure(
            f"{rows / 1e6:g} M rows x 10 columns to both destinations: CPU of all workers "
            "(user + system, start-up and finalize in it) against the base's",
            [_cpu(done) for done in mine],
            [_cpu(done) for done in bars],
            MOST_CPU,
            "core-s",
        ),
        Figure("the whole command's wall time, servers up", "reported", wall.measured),
        Figure(
            "peak memory (VmHWM) of a worker",
            f"under {WORKER_BYTES // MIB} MiB",
            f"{peaks.median / base_peaks.median:.2f} times: {peaks.text(0, 'MiB')} against "
            f"{base_peaks.text(0, 'MiB')}",
            max(peaks.values) * MIB < WORKER_BYTES,
        ),
    ]


def _cpu(done: Done) -> float:
    return float(sum(worker["cpuSeconds"] for worker in done.used))


def _peak(done: Done) -> float:
    return max(worker["peakBytes"] for worker in done.used) / MIB


def _load_once(env: Env, rows: int) -> Done:
    manifest = env.manifest("compared", rows, _DESTINATIONS)
    done = load(env, manifest)
    env.delete(manifest)
    return done


@contextmanager
def _env(tree: Tree) -> Iterator[Env]:
    """Servers that the tree's own command starts below a temporary home, gone with their data."""
    folder = Path(tempfile.mkdtemp(prefix="rowmill-bench-"))
    env = Env(folder, {}, tree)
    try:
        env.told("up")
        env.exports = _exports(env.told("env"))
        yield env
    finally:
        env.told("down")
        shutil.rmtree(folder, ignore_errors=True)


def _exports(script: str) -> dict[str, str]:
    """The variables of a shell's `export NAME=VALUE` lines."""
    words = [word for word in shlex.split(script, comments=True) if "=" in word]
    return dict(word.split("=", 1) for word in words)


def _environment(folder: Path) -> Path:
    """The Python of an environment with the packages of the tree's lock, made once."""
    environment = folder / ".venv"
    python = environment / "bin" / "python"
    ready = environment / ".ready"
    if not ready.exists():
        venv.create(environment, clear=True, symlinks=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise NoBase(f"pip cannot install its {LOCK}:\n{done.stderr.strip()}")
        ready.touch()
    return python
