"""`rerun` and `resume`, whose run may be waited for."""

from __future__ import annotations

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster
from rowmill.kubectl import changes
from rowmill.kubectl.watching import watch_run
from rowmill.spec.values.durations import parse_duration
from rowmill.terminal.failures import UsageError


def rerun(cluster: Cluster, name: str, wait: bool, timeout: str | None) -> None:
    """Ask for the next run; with `wait` show it to its end, for `timeout` at most.

    Raises:
        UsageError: as `changes.rerun` and `watch_run` do, or no run would begin.
    """
    longest = seconds(timeout, wait=wait)
    if wait and Experiment(cluster.experiment(name)).suspended:
        raise UsageError(
            f"{name} is suspended, so its next run would be waited for in vain; "
            f"first: kubectl rowmill resume {name}"
        )
    changes.rerun(cluster, name)
    if wait:
        watch_run(cluster, name, as_json=False, timeout=longest, asked=True)


def resume(cluster: Cluster, name: str, wait: bool, timeout: str | None) -> None:
    """Ask for workers again; with `wait` show the run to its end, for `timeout` at most.

    Raises:
        UsageError: as `changes.resume` and `watch_run` do.
    """
    longest = seconds(timeout, wait=wait)
    changes.resume(cluster, name)
    if wait:
        watch_run(cluster, name, as_json=False, timeout=longest, asked=True)


def seconds(timeout: str | None, *, wait: bool) -> float | None:
    """What `--timeout` says, in seconds.

    Raises:
        UsageError: it is no duration, or nothing is waited for.
    """
    if timeout is None:
        return None
    if not wait:
        raise UsageError("--timeout is for --wait")
    try:
        return parse_duration(timeout) / 1e6
    except ValueError as error:
        raise UsageError(f"--timeout {timeout!r} {error}") from None
