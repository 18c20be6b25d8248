"""The options that a run was started with, over its manifest: how to give them once more."""

from __future__ import annotations

from dataclasses import replace

from rowmill.plan.run_source import RunSource, source_of
from rowmill.plan.runs import Run
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.run_spec import digest_of


def options_of(run: Run) -> str:
    """As the command line takes them, such as `--scale 0.2 --seed 2`; "" if there were none."""
    source = source_of(run)
    return "" if source is None else _options(source.scale, source.seed)


def run_again(run: Run) -> str:
    """The command that resumes the run, given its manifest."""
    source = source_of(run)
    return run_command(None, None) if source is None else run_command(source.scale, source.seed)


def run_command(scale: object, seed: object) -> str:
    """The command that runs the manifest FILE with these options; None is for none."""
    return " ".join(filter(None, ("rowmill run -f FILE", _options(scale, seed))))


def options_alone_differ(run: Run, source: RunSource) -> bool:
    """Whether the manifest of `source`, with the options of `run`, is what the run is of."""
    kept = source_of(run)
    if kept is None:
        return False
    try:
        with_options = replace(source, scale=kept.scale, seed=kept.seed)
        wanted = digest_of(with_options, run.plan.data_version)
    except InvalidManifest:
        # The options do not fit the manifest of today.
        return False
    return wanted == run.plan.digest


def _options(scale: object, seed: object) -> str:
    given = (("--scale", scale), ("--seed", seed))
    return " ".join(f"{option} {value}" for option, value in given if value is not None)
