"""Open a published run for reading: its rows' generator and its tables in every destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.parquet_reading import LakeReader
from rowmill.destinations.patience import ReportWait, unreported
from rowmill.destinations.postgres.read.published_tables import PostgresReader
from rowmill.destinations.postgres.reading_names import Reading, application_of
from rowmill.engine.records import State
from rowmill.engine.verification import Problem
from rowmill.errors import NotFound
from rowmill.generate.rows import Generator
from rowmill.plan.run_source import source_of
from rowmill.plan.runs import UNFINISHED, Run, RunState
from rowmill.spec.dataset import Dataset, Spec
from rowmill.spec.load import Overrides
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations
from rowmill.worker.pools import load_pools
from rowmill.worker.reading import abandoned, experiment_runs, published
from rowmill.worker.run_history import published_run
from rowmill.worker.run_options import options_of, run_again

Reload = Callable[[Overrides], Spec]
# Each is lost only to another run that is published, or data that is removed, meanwhile.
_OPENING_TRIES = 5
_NONE = "no run of it is published yet"
_OTHER = "use the manifest that it was run with, or run this one first with: rowmill run -f FILE"


class NothingPublished(NotFound):
    """There is no published run of this manifest; the message says what there is."""

    def __init__(self, message: str) -> None:
        super().__init__("NothingPublished", message)


@dataclass(frozen=True)
class Published:
    """A published run; `dataset` is of the data version that its plan froze.

    `make_generator` is for one thread each. `problems` are those of no single table.
    """

    run: Run
    spec: Spec
    dataset: Dataset
    make_generator: Callable[[], Generator]
    warehouse: PostgresReader | None
    lake: LakeReader | None
    problems: tuple[Problem, ...]

    @property
    def stores(self) -> list[PostgresReader | LakeReader]:
        return [store for store in (self.warehouse, self.lake) if store is not None]


@contextmanager
def open_published(
    spec: Spec,
    connections: Connections,
    reload: Reload | None = None,
    wait: ReportWait = unreported,
    *,
    reading: Reading,
) -> Iterator[Published]:
    """Open the run whose data readers see now.

    Args:
        spec: the manifest.
        connections: how to reach its destinations.
        reload: reads the same manifest with other overrides. If given, the scale, seed and rerun
            that the published run was started with are tried too.
        wait: told which server is waited for.
        reading: what for; a publish that waits for it says so.

    Raises:
        NothingPublished: no run is published, or one of another manifest, or by another data
            version than the manifest names.
        DestinationRefused, DestinationUnavailable: a destination cannot be read.
    """
    with (
        closing(open_destinations(spec, connections, patience=one_machine(wait))) as destinations,
        published_in(destinations, spec, reload, reading) as opened,
    ):
        yield opened


@contextmanager
def published_in(
    destinations: Destinations, spec: Spec, reload: Reload | None, reading: Reading
) -> Iterator[Published]:
    """As `open_published`, in destinations that the caller has opened and closes.

    A run that is replaced while its tables are waited for gives way to the one that replaced it.
    """
    for _ in range(_OPENING_TRIES):
        with ExitStack() as stack:
            opened = _opened(destinations, spec, reload, reading, stack)
            again = published(destinations)
            if again is not None and again.id == opened.run.id:
                yield opened
                return
    raise NothingPublished("runs are published faster than one of them can be opened; try again")


def _opened(
    destinations: Destinations,
    spec: Spec,
    reload: Reload | None,
    reading: Reading,
    stack: ExitStack,
) -> Published:
    """What is published now, or was until its tables could be had from who replaces them."""
    run = _run(destinations)
    known = _matching(spec, run, reload).at(run.plan.data_version)
    make_generator = _generators(known.dataset, destinations)
    warehouse = _warehouse(known, destinations, application_of(reading, run.number))
    if warehouse is not None:
        stack.callback(warehouse.close)
    lake, problems = _lake(known, run, destinations)
    return Published(run, known, known.dataset, make_generator, warehouse, lake, tuple(problems))


def why_nothing_is_there(spec: Spec, connections: Connections) -> str | None:
    """Why readers find no tables; None if a run is published, or its records cannot be read."""
    destinations = open_destinations(spec, connections)
    try:
        return _unpublished(experiment_runs(destinations), destinations)
    except (DestinationRefused, DestinationUnavailable):
        return None
    finally:
        destinations.close()


def unpublished(runs: Sequence[Run], *, left_alone: bool) -> str | None:
    """Which of an experiment's runs is on its way to readers; None if one is published.

    `left_alone`: the run that `on_its_way` finds is unfinished, and no process is at work on it.
    """
    run = on_its_way(runs)
    if run is None:
        return None if runs else f"{_NONE}; start one with: rowmill run -f FILE"
    state = State.of_ledger(run.state, abandoned=left_alone, suspended=run.suspended)
    if run.state is RunState.PUBLISHING:
        if left_alone:
            return f"run {run.number} is {state} amid its publishing; {run_again(run)} completes it"
        return f"run {run.number} is being published; try again when it is complete"
    said = f"{_NONE}: run {run.number} is {state}"
    if run.state is RunState.RESET:
        return f"{said}, its data removed; start one with: rowmill run -f FILE"
    if run.state in UNFINISHED and not left_alone:
        return f"{said}; try again when it is complete"
    return f"{said}; {run_again(run)} resumes it"


def on_its_way(runs: Sequence[Run]) -> Run | None:
    """The run, of an experiment's, by which its data comes to readers; None if it is there.

    Also None if there are no runs.
    """
    going = [run for run in runs if run.state is RunState.PUBLISHING]
    if going:
        return going[-1]
    return runs[-1] if runs and published_run(runs) is None else None


def _unpublished(runs: Sequence[Run], destinations: Destinations) -> str | None:
    run = on_its_way(runs)
    left_alone = run is not None and abandoned(run, destinations.ledger)
    return unpublished(runs, left_alone=left_alone)


def _run(destinations: Destinations) -> Run:
    runs = experiment_runs(destinations)
    why = _unpublished(runs, destinations)
    if why is not None:
        raise NothingPublished(why)
    run = published_run(runs)
    assert run is not None, "else it is told why there is none"
    return run


def _matching(spec: Spec, run: Run, reload: Reload | None) -> Spec:
    """The spec of the run's digest; the manifest with the run's overrides, if need be."""
    found = _of_digest(spec, run, reload)
    if found is None:
        given = options_of(run)
        started = f", started with {given}" if given else ""
        raise NothingPublished(
            f"what is published is run {run.number} of another manifest (digest "
            f"{run.plan.digest[:19]}...{started}; this one's is {spec.digest[:19]}...): {_OTHER}"
        )
    # The digest leaves the version out: a manifest that names none is made by its last run's.
    if found.pins_data_version and found.data_version != run.plan.data_version:
        raise NothingPublished(
            f"what is published is of another manifest: run {run.number} was made by data version "
            f"{run.plan.data_version}, this manifest pins {found.data_version}: {_OTHER}"
        )
    return found


def _of_digest(spec: Spec, run: Run, reload: Reload | None) -> Spec | None:
    if spec.digest == run.plan.digest:
        return spec
    source = source_of(run)
    if reload is None or source is None:
        return None
    other = reload(Overrides(source.scale, source.seed, source.rerun))
    return other if other.digest == run.plan.digest else None


def _generators(dataset: Dataset, destinations: Destinations) -> Callable[[], Generator]:
    try:
        pools = load_pools(dataset, destinations.ledger.pools)
    except LookupError as error:
        raise DestinationRefused("PoolMissing", str(error.args[0])) from None
    return lambda: Generator(dataset, pools)


def _warehouse(spec: Spec, destinations: Destinations, application: str) -> PostgresReader | None:
    if spec.postgres is None or destinations.session is None:
        return None
    tables = [table.name for table in spec.dataset.tables]
    address, schema = destinations.session.address, spec.postgres.schema
    return PostgresReader(address, schema, tables, application)


def _lake(
    spec: Spec, run: Run, destinations: Destinations
) -> tuple[LakeReader | None, list[Problem]]:
    lake, target = destinations.lake, spec.parquet
    if lake is None or target is None:
        return None, []
    place = lake.bucket.url(target.prefix)
    problems = []
    current, record = lake.current(), lake.record(run.id)
    if current is None or current.run != run.id:
        text = f"_rowmill/current.json does not lead readers to run {run.number}, but " + (
            "is missing" if current is None else f"to run {current.number} of {current.owner}"
        )
        problems.append(Problem("CurrentDiffers", place, text))
    if record is None:
        text = f"_rowmill/run-{run.id}.json is missing, so the objects' bytes cannot be checked"
        problems.append(Problem("RecordMissing", place, text))
    parts = record.parts if record is not None else ()
    return LakeReader(lake.bucket, target.prefix, run, parts), problems
