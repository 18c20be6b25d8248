"""Reach what an earlier run wrote to, which need not be what the manifest names now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.lake import Lake
from rowmill.plan.runs import Run
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.destinations import Destinations
from rowmill.worker.run_spec import spec_of

Target = ParquetTarget | PostgresTarget


@contextmanager
def destinations_of(spec: Spec, present: Destinations) -> Iterator[Destinations]:
    """The destinations of an earlier `spec` of the experiment: mostly just the present ones.

    Raises:
        DestinationRefused: OutOfReach, they take credentials that the present manifest lacks.
    """
    if _places(spec) == _places(present.spec):
        yield present
        return
    _refuse_unreachable(spec.parquet, present.spec.parquet)
    _refuse_unreachable(spec.postgres, present.spec.postgres)
    with closing(present.reopen(spec)) as earlier:
        yield earlier


@contextmanager
def lake_of(
    run: Run, present: Destinations, unreached: Callable[[str], None] = lambda why: None
) -> Iterator[Lake | None]:
    """The bucket that `run` wrote to; None if there is none, or none that can be reached now.

    What is left in a bucket that is gone or closed to us must not stand in a newer run's way;
    `unreached` is told why one is closed.
    """
    with reached_lake(run, present, unreached) as lake:
        yield lake if lake is not None and lake.there() else None


@contextmanager
def reached_lake(
    run: Run, present: Destinations, unreached: Callable[[str], None]
) -> Iterator[Lake | None]:
    """As `lake_of`, but also a bucket that does not exist where it would be."""
    with ExitStack() as stack:
        lake = None
        try:
            lake = stack.enter_context(destinations_of(spec_of(run), present)).lake
            if lake is not None:
                lake.there()
        except (DestinationRefused, DestinationUnavailable, InvalidManifest) as error:
            # A manifest of an older Rowmill may not be one of this.
            unreached(_why(error))
            lake = None
        yield lake


def wrote_elsewhere(run: Run, present: Destinations) -> bool:
    """Whether `run` may have left objects in another place of a bucket than the present one."""
    try:
        parquet = spec_of(run).parquet
    except InvalidManifest:
        # A manifest of an older Rowmill may not be one of this.
        return True
    return parquet is not None and _place(parquet) != _place(present.spec.parquet)


def _places(spec: Spec) -> list[tuple[Target, bool] | None]:
    return [_place(spec.parquet), _place(spec.postgres)]


def _place(target: Target | None) -> tuple[Target, bool] | None:
    if target is None:
        return None
    return replace(target, secret_name=None, ambient=False, replace=False), target.embedded


def _refuse_unreachable(earlier: Target | None, present: Target | None) -> None:
    if earlier is None or (present is not None and _login(earlier) == _login(present)):
        return
    raise DestinationRefused(
        "OutOfReach",
        "an earlier run of this experiment was interrupted while it was being published to other "
        "destinations, which need other credentials than this manifest names: put the manifest "
        "of that run back (`rowmill runs` lists them) and run it once more to complete it",
    )


def _why(error: Exception) -> str:
    if isinstance(error, DestinationRefused) and error.reason == "OutOfReach":
        return "it takes other credentials than the present manifest names"
    return str(error)


def _login(target: Target) -> tuple[str | None, bool, bool]:
    return target.secret_name, target.ambient, target.embedded
