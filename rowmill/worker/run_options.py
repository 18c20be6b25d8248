"""The options that a run was started with, over its manifest: how to give them once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.plan.runs import Run
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.run_spec import digest_of


def options_of(run: Run) -> str:
    """As the command line takes them, such as `--scale 0.2 --seed 2`; "" if there were none."""
    source = run.summary.get("source", {})
    return _options(source.get("scale"), source.get("seed"))


def run_again(run: Run) -> str:
    """The command that takes up the run, given its manifest."""
    source = run.summary.get("source", {})
    return run_command(source.get("scale"), source.get("seed"))


def run_command(scale: object, seed: object) -> str:
    """The command that runs the manifest FILE with these options; None is for none."""
    return " ".join(filter(None, ("rowmill run -f FILE", _options(scale, seed))))


def options_alone_differ(run: Run, source: Mapping[str, Any]) -> bool:
    """Whether the manifest of `source`, with the options of `run`, is what the run is of."""
    kept = run.summary.get("source")
    if not kept:
        return False
    try:
        wanted = digest_of({**source, "scale": kept["scale"], "seed": kept["seed"]})
    except InvalidManifest:
        # The options do not fit the manifest of today.
        return False
    return wanted == run.plan.digest


def _options(scale: object, seed: object) -> str:
    given = (("--scale", scale), ("--seed", seed))
    return " ".join(f"{option} {value}" for option, value in given if value is not None)
