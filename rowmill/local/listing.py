"""Many experiments looked at together: a session a ledger, and one statement for all their runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from typing import Generic, TypeVar

from rowmill.engine.records import ExperimentRecord, Progress, RunRecord, State
from rowmill.errors import Invalid, NotFound, Refused, RowmillError, Unavailable
from rowmill.local.connections import ServersDown, known_connections, same_ledger
from rowmill.local.held import is_held
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import ProgressMark, progress_mark
from rowmill.local.records.last_known import last_known, out_of_reach
from rowmill.local.records.ledger_reading import progress_of, records_of, told_of
from rowmill.local.records.run_reading import read_progress
from rowmill.local.reports import Reports
from rowmill.local.servers import embedded
from rowmill.local.source import KnownSpecs, Source
from rowmill.plan.runs import UNFINISHED, Run
from rowmill.spec.dataset import Spec
from rowmill.spec.load import LOCAL_NAMESPACE
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations
from rowmill.worker.verdicts import awaits_verdict

T = TypeVar("T")
# A page of the usual size, and the one behind it by which it is known that there is another page.
_AT_ONCE = 101
_OUT_OF_REACH = (Refused, Unavailable, Invalid)


@dataclass(frozen=True)
class Listing:
    """Tells of several experiments: one out of reach hides no other, nor itself.

    They are looked at a page at a time, and no further than is asked for. `look` finds the source
    of one of them, and raises NotFound of one that went meanwhile; `keep` remembers what was seen
    of its newest run since a mark.
    """

    home: Home
    specs: KnownSpecs
    reports: Reports
    look: Callable[[str], Source]
    keep: Callable[[str, Progress, ProgressMark], None]

    def experiments(self, names: Iterable[str]) -> Iterator[ExperimentRecord]:
        """Each with its newest run, told as a look at it alone tells it."""
        for some in _pages(names):
            since = {name: progress_mark(self.home, name) for name in some}
            for name, seen in self._looked_at(some, _newest, newest=True).items():
                yield self._record(name, seen, since[name])

    def runs(self, names: Iterable[str]) -> Iterator[RunRecord]:
        """All runs of each, oldest first."""
        for some in _pages(names):
            for name, seen in self._looked_at(some, _all, newest=False).items():
                yield from self._runs(name, seen.answer)

    def _record(self, name: str, seen: _Seen[Progress], since: ProgressMark) -> ExperimentRecord:
        try:
            newest = self._progress(name, seen.answer, since)
        except _OUT_OF_REACH as error:
            return experiment_record(name, seen.source, self._out_of_reach(name, error))
        held = seen.spec is not None and is_held(seen.spec, lambda: newest.run.digest)
        return experiment_record(name, seen.source, newest, held=held)

    def _progress(
        self, name: str, answer: Progress | RowmillError, since: ProgressMark
    ) -> Progress:
        if isinstance(answer, ServersDown):
            return last_known(self.home, name, None)
        if isinstance(answer, NotFound):
            return without_runs(name, answer)
        if isinstance(answer, RowmillError):
            raise answer
        self.keep(name, answer, since)
        return answer

    def _runs(self, name: str, answer: Sequence[RunRecord] | RowmillError) -> Sequence[RunRecord]:
        try:
            return self._records(name, answer)
        except _OUT_OF_REACH as error:
            last = self._out_of_reach(name, error).run
            return [] if last.number is None else [last]

    def _records(
        self, name: str, answer: Sequence[RunRecord] | RowmillError
    ) -> Sequence[RunRecord]:
        if isinstance(answer, ServersDown):
            return [last_known(self.home, name, None).run]
        if isinstance(answer, NotFound):
            return []
        if isinstance(answer, RowmillError):
            raise answer
        return answer

    def _out_of_reach(self, name: str, error: RowmillError) -> Progress:
        self.reports.notice(f"{name}: {error}")
        return out_of_reach(self.home, name, error)

    def _looked_at(
        self, names: Sequence[str], tell: _Tell[T], *, newest: bool
    ) -> Mapping[str, _Seen[T]]:
        """What is seen of each that is there, in their order."""
        seen: dict[str, _Seen[T]] = {}
        ledgers: dict[Hashable, dict[str, _Known]] = {}
        # One look through the processes of the machine for all.
        running = cache(partial(embedded.running, self.home))
        for name in names:
            source = spec = None
            try:
                source = self.look(name)
                spec = self.specs.of(source)
                connections = known_connections(spec, source.secrets, running)
            except NotFound:
                continue
            except _OUT_OF_REACH as error:
                seen[name] = _Seen(source, spec, error)
            else:
                ledger = same_ledger(spec, source.secrets)
                ledgers.setdefault(ledger, {})[name] = _Known(source, spec, connections)
        for known in ledgers.values():
            for name, answer in _of_ledger(known, self.reports, tell, newest=newest).items():
                seen[name] = _Seen(known[name].source, known[name].spec, answer)
        return {name: seen[name] for name in names if name in seen}


@dataclass(frozen=True)
class _Seen(Generic[T]):
    """What is told of an experiment, or why nothing is; None where its memory is damaged."""

    source: Source | None
    spec: Spec | None
    answer: T | RowmillError


@dataclass(frozen=True)
class _Known:
    source: Source
    spec: Spec
    connections: Connections


# What is told of an experiment by its runs, as they were just read: the newest, or all of them.
_Tell = Callable[[Sequence[Run], Destinations], T]


def _of_ledger(
    known: Mapping[str, _Known], reports: Reports, tell: _Tell[T], *, newest: bool
) -> Mapping[str, T | RowmillError]:
    with ExitStack() as stack:
        opened: dict[str, Destinations] = {}
        session = None
        for name, each in known.items():
            destinations = open_destinations(
                each.spec, each.connections, patience=one_machine(reports.wait), session=session
            )
            session = destinations.session
            opened[name] = stack.enter_context(closing(destinations))
        ledger = next(iter(opened.values())).ledger
        owners = {each.owner for each in opened.values()}
        try:
            runs = ledger.runs.of_each(owners, newest=newest) if ledger.found() else {}
        except _OUT_OF_REACH as error:
            return dict.fromkeys(opened, error)
        return {
            name: _answer(tell, runs.get(each.owner, ()), each) for name, each in opened.items()
        }


def _answer(tell: _Tell[T], runs: Sequence[Run], destinations: Destinations) -> T | RowmillError:
    try:
        return tell(runs, destinations)
    except (NotFound, *_OUT_OF_REACH) as error:
        return error


def _newest(runs: Sequence[Run], destinations: Destinations) -> Progress:
    if not runs or _moves(runs[-1]):
        return progress_of(destinations, None)
    return read_progress(runs[-1], destinations)


def _all(runs: Sequence[Run], destinations: Destinations) -> Sequence[RunRecord]:
    if not runs or _moves(runs[-1]):
        return records_of(destinations)
    return told_of(runs, destinations)


def _moves(run: Run) -> bool:
    """Whether it is read once more when its turn comes, since a process may be at work on it."""
    return run.state in UNFINISHED or awaits_verdict(run)


def _pages(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(names)
    while some := tuple(islice(rest, _AT_ONCE)):
        yield some


def experiment_record(
    name: str, source: Source | None, newest: Progress, *, held: bool = False
) -> ExperimentRecord:
    """What is told of an experiment.

    Args:
        name: the experiment's.
        source: None of one of which the memory is damaged.
        newest: how far its newest run is.
        held: its manifest asks for no run yet.
    """
    run = newest.run
    # Without options of its own, those of the newest run hold for the next one too.
    own = source is not None and (source.scale, source.seed) != (None, None)
    return ExperimentRecord(
        name=name,
        namespace=LOCAL_NAMESPACE,
        manifest="" if source is None else source.manifest,
        scale=source.scale if source is not None and own else run.scale,
        seed=source.seed if source is not None and own else run.seed,
        etag="" if source is None else source.etag,
        suspended=held or newest.run.state is State.SUSPENDED,
        newest=replace(newest, tables=()),
    )


def without_runs(name: str, error: NotFound) -> Progress:
    """Of an experiment that was deleted, or its data folder, by whoever did not ask Rowmill."""
    run = RunRecord(
        experiment=name, namespace=LOCAL_NAMESPACE, state=State.PENDING, message=str(error)
    )
    return Progress(run)
