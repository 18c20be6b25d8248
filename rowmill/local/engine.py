"""The engine of one machine: experiments that ROWMILL_HOME remembers, their runs in the ledgers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from rowmill.engine.cancellation import Cancellation
from rowmill.engine.interface import Engine, unsaid
from rowmill.engine.paging import paged
from rowmill.engine.records import (
    ExperimentRecord,
    LogLine,
    Page,
    Progress,
    RunRecord,
    State,
)
from rowmill.engine.request import ApplyRequest, Mode, RunRequest
from rowmill.engine.verification import OnProgress, Verification, ignored
from rowmill.engine.warehouse import Warehouse
from rowmill.errors import (
    Conflict,
    NotFound,
    RowmillError,
    Unsupported,
)
from rowmill.local.access import changing, looking
from rowmill.local.connections import ServersDown, find_connections, has_embedded_ledger
from rowmill.local.held import hold, is_held
from rowmill.local.home import liveness, remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import MemoryDamaged, ProgressMark, progress_mark
from rowmill.local.listing import Listing
from rowmill.local.planning import verify_threads
from rowmill.local.records import unbegun_runs
from rowmill.local.records.last_known import last_known
from rowmill.local.records.ledger_reading import (
    nothing_to_stop,
    progress_of,
    records_of,
    watched,
)
from rowmill.local.records.log_reading import known_log, read_log
from rowmill.local.records.run_reading import read_progress
from rowmill.local.reports import Reports
from rowmill.local.source import KnownSpecs, Source, from_request, recalled, refuse_changed
from rowmill.plan.run_source import source_of
from rowmill.worker.abort import abort_run, suspend_run
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import abandoned, experiment_runs, own_runs

# What begins, verifies, reads or removes data stands on Arrow and all drivers, of which looking at
# an experiment needs none: it is imported where it is done.
if TYPE_CHECKING:
    from rowmill.local.detached import Begun

# A process whose run has ended is about to be gone.
_LAST_SECONDS = 5.0


@dataclass(frozen=True)
class LocalEngine(Engine):
    """The `Engine` of one machine.

    `given` are experiments by name that its caller knows better than ROWMILL_HOME does, such as one
    of a manifest's file, and `references` the words by which a command is told of these. To look at
    an experiment starts no server: where those are down, its last record here is told.
    """

    home: Home
    given: Mapping[str, Source] = field(default_factory=dict)
    reports: Reports = field(default_factory=Reports)
    references: Mapping[str, str] = field(default_factory=dict)
    specs: KnownSpecs = field(default_factory=KnownSpecs, init=False, repr=False, compare=False)

    @property
    def place(self) -> str:
        return f"in ROWMILL_HOME, {self.home.path}"

    def command(self, verb: str, name: str, *options: str) -> str:
        return " ".join(("rowmill", verb, self.references.get(name, name), *options))

    def now(self) -> datetime:
        return datetime.now(UTC)

    def list(
        self,
        *,
        search: str = "",
        state: State | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[ExperimentRecord]:
        """As of `Engine`; of one out of reach what was last known, and why is told besides."""
        names = (
            name
            for name in remembered.folders(self.home)
            if search.lower() in name.lower()
            and (after is None or name > after)
            and remembered.is_known(self.home, name)
        )
        return paged(self._listing(self._looked_at).experiments(names), state, after, limit)

    def get(self, name: str) -> ExperimentRecord:
        """As of `Engine`; with its servers down or out of reach, as of `list`."""
        self._looked_at(name)
        return next(self._listing(self._source).experiments([name]))

    def status(self, name: str, run: int | None = None) -> Progress:
        since = progress_mark(self.home, name)
        try:
            with self._looking(self._looked_at(name)) as destinations:
                progress = progress_of(destinations, run)
        except ServersDown:
            return last_known(self.home, name, run)
        if run is None:
            self._keep(name, progress, since)
        return progress

    def watch(
        self,
        name: str,
        run: int | None = None,
        *,
        waiting: Callable[[str], None] = unsaid,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Progress]:
        sleep = time.sleep if cancellation is None else cancellation.sleep
        source = self._looked_at(name)
        spec, reports = self.specs.of(source), self.reports.telling(waiting)
        try:
            with looking(self.home, source, spec, reports, sleep) as destinations:
                yield from watched(destinations, run, sleep)
        except ServersDown:
            last = last_known(self.home, name, run)
            if last.run.at_work:
                raise
            yield last

    def runs(self, name: str | None = None) -> Sequence[RunRecord]:
        if name is not None:
            return self._runs(name)
        return list(self._listing(self._source).runs(remembered.names(self.home)))

    def _runs(self, name: str) -> Sequence[RunRecord]:
        try:
            with self._looking(self._source(name)) as destinations:
                return records_of(destinations)
        except ServersDown:
            return [last_known(self.home, name, None).run]

    def abort(self, name: str) -> RunRecord:
        source, since = self._source(name), progress_mark(self.home, name)
        with changing(self.home, source, self.reports) as destinations:
            run = abort_run(destinations)
            if run is None:
                raise Conflict("NothingToAbort", self._unstoppable("abort", name, destinations))
            return self._told(name, read_progress(run, destinations), since)

    def apply(
        self, request: ApplyRequest, *, dry_run: bool = False, if_match: str | None = None
    ) -> RunRecord | None:
        """As of `Engine`; of a manifest that says `suspend: true` no run begins until `resume`."""
        source = from_request(self.home, request)
        spec = source.spec()
        name = spec.name
        if dry_run or not spec.suspended:
            refuse_changed(self.home, name, if_match)
        if dry_run:
            return None
        if spec.suspended:
            hold(self.home, name, source, if_match)
            return None
        begun = self._started(source, request.run_request(if_match))
        return None if begun.repeat else begun.run

    def suspend(self, name: str) -> RunRecord:
        source, since = self._source(name), progress_mark(self.home, name)
        with changing(self.home, source, self.reports) as destinations:
            run = suspend_run(destinations)
            if run is None:
                raise Conflict("NothingToSuspend", self._unstoppable("suspend", name, destinations))
            return self._told(name, read_progress(run, destinations), since)

    def resume(self, name: str) -> RunRecord:
        """As of `Engine`; a publishing that was interrupted is completed, which is told."""
        source = self._as_run(name)
        # The batches are its frozen plan's.
        request = replace(source.asked, mode=Mode.RESUME, batch_rows=None)
        if is_held(source.spec(), lambda: self._newest_digest(source)):
            # What it waits for may be its first run, or one of another manifest than the last.
            request = replace(source.asked, mode=Mode.AUTO, agreed=frozenset())
        return self._started(source, request).run

    def rerun(
        self,
        name: str,
        *,
        restart: bool = False,
        agreed: frozenset[str] | None = None,
        adopt: str | None = None,
    ) -> RunRecord:
        """As of `Engine`, with the options of its newest run, also its workers and batches."""
        source = self._as_run(name)
        mode = Mode.RESTART if restart else Mode.RERUN
        request = replace(source.asked, mode=mode, agreed=agreed, adopt=adopt)
        return self._started(source, request).run

    def logs(
        self,
        name: str,
        *,
        run: int | None = None,
        shard: int | None = None,
        follow: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Iterator[LogLine]:
        """As of `Engine`, of what was run on this machine; its workers have one log together.

        After that of the newest comes why a later one did not begin, if nobody was told.

        Raises:
            Unsupported: a shard's are asked for.
            NotFound: NoLogs, this machine has none of the run.
        """
        if shard is not None:
            raise Unsupported("NoShardLogs", "on one machine a run has one log, of all its shards")
        unbegun = unbegun_runs.last(self.home, name) if run is None else None
        rest = () if unbegun is None else (unbegun.line,)
        try:
            self._source(name)
            number = known_log(self.home, name, run)
            log = read_log(self.home, name, number, follow=follow, cancellation=cancellation)
        except NotFound:
            if unbegun is None:
                raise
            return iter(rest)
        return chain(log, rest)

    def keep_last_words(self) -> None:
        """Remember of runs that have left none what the embedded servers tell, while they are up.

        What a ledger elsewhere tells can be asked at any time, and it may be out of reach.
        """
        for name in remembered.names(self.home):
            last = remembered.last_progress(self.home, name)
            if last is not None and last.run.at_work:
                with suppress(RowmillError):
                    if has_embedded_ledger(self._source(name).spec()):
                        self.status(name)

    def verify(
        self,
        name: str,
        *,
        threads: int | None = None,
        on_progress: OnProgress = ignored,
        timeout: float | None = None,
    ) -> Verification:
        from rowmill.warehouse.published import NothingPublished
        from rowmill.warehouse.verifying import verify_and_keep

        source = self._source(name)
        spec = source.spec()
        connections = find_connections(spec, source.secrets, self.home, self.reports.starting)
        try:
            return verify_and_keep(
                spec,
                connections,
                threads=verify_threads(threads),
                reload=source.spec_with,
                on_progress=on_progress,
                wait=self.reports.wait,
            )
        except NothingPublished as error:
            raise NothingPublished(f"{spec.name}: {error}") from None

    def warehouse(self, name: str) -> Warehouse:
        """As of `Engine`; the embedded servers are started when it is read."""
        from rowmill.warehouse.destinations_warehouse import DestinationsWarehouse

        source = self._source(name)
        spec = source.spec()
        return DestinationsWarehouse(
            spec,
            partial(find_connections, spec, source.secrets, self.home, self.reports.starting),
            source.spec_with,
            self.reports.notice,
            self.reports.wait,
        )

    def reset(self, name: str, *, timeout: float | None = None) -> RunRecord:
        from rowmill.local import removal

        source, since = self._source(name), progress_mark(self.home, name)
        with changing(self.home, source, self.reports) as destinations:
            removed = removal.reset(self.home, destinations)
            newest = self._told(name, progress_of(destinations, None), since)
            return replace(newest, message=removed)

    def delete(self, name: str, *, purge: bool) -> str:
        """As of `Engine`; without `purge` this machine alone forgets the experiment.

        Raises:
            Conflict: RunLive, this machine runs it, which `down` must know.
        """
        if not purge:
            # What is damaged is forgotten too, and what did not begin.
            with suppress(MemoryDamaged):
                if unbegun_runs.last(self.home, name) is None:
                    self._source(name)
            self._forget(name)
            return f"{name} is forgotten here; its data and records stay"
        from rowmill.local import removal

        with changing(self.home, self._source(name), self.reports) as destinations:
            alone = name not in self.given
            removed = removal.delete(self.home, name, destinations, remembered_alone=alone)
        # Its last process may be about to end; one that has begun since has made its folder.
        with suppress(Conflict):
            self._forget(name, patience=_LAST_SECONDS)
        return removed

    def _newest_digest(self, source: Source) -> str | None:
        with changing(self.home, source, self.reports) as destinations:
            runs = own_runs(destinations)
        return runs[-1].plan.digest if runs else None

    def _unstoppable(self, do: str, name: str, destinations: Destinations) -> str:
        known = own_runs(destinations)
        alone = bool(known) and abandoned(known[-1], destinations.ledger)
        return nothing_to_stop(
            known,
            do,
            left_alone=alone,
            resume=self.command("resume", name),
            reset=self.command("reset", name),
        )

    def _forget(self, name: str, patience: float = 0.0) -> None:
        try:
            liveness.forget(self.home, name, patience=patience)
        except OSError as error:
            self.reports.notice(
                f"{remembered.folder(self.home, name)} cannot be removed "
                f"({error.strerror or error}): {name} is still known here"
            )

    def _as_run(self, name: str) -> Source:
        """Its source with the options of its newest run, unless the caller gave his own."""
        source = self._source(name)
        if name in self.given and (known := remembered.recall(self.home, name)) is not None:
            # Of a manifest's file; what was asked of this machine it remembers by name alone.
            source = replace(source, asked=known.asked)
        if (source.scale, source.seed) != (None, None):
            return source
        with changing(self.home, source, self.reports) as destinations:
            runs = experiment_runs(destinations)
        kept = source_of(runs[-1]) if runs else None
        return source if kept is None else replace(source, scale=kept.scale, seed=kept.seed)

    def _told(self, name: str, progress: Progress, since: ProgressMark) -> RunRecord:
        self._keep(name, progress, since)
        return progress.run

    def _keep(self, name: str, progress: Progress, since: ProgressMark) -> None:
        """Remember what was seen of the newest run, for when the servers are down.

        What its supervisor has said `since` the look began is newer, and stays.
        """
        if name not in self.given:
            remembered.keep_progress(self.home, name, progress, since=since)

    def _started(self, source: Source, request: RunRequest) -> Begun:
        from rowmill.local.detached import DetachedRun, start_detached

        # In this process, where its own errors are, before another is started.
        source.spec()
        return start_detached(DetachedRun(self.home, source, request), self.reports)

    def _source(self, name: str) -> Source:
        return self.given.get(name) or recalled(self.home, name)

    def _looked_at(self, name: str) -> Source:
        """As `_source`; who looks is told what nobody was told of a run that did not begin."""
        unbegun = unbegun_runs.last(self.home, name)
        try:
            source = self._source(name)
        except NotFound as error:
            if unbegun is not None:
                error.args = (f"{error}; {unbegun}",)
            raise
        if unbegun is not None:
            self.reports.notice(str(unbegun))
        return source

    def _looking(self, source: Source) -> AbstractContextManager[Destinations]:
        return looking(self.home, source, self.specs.of(source), self.reports)

    def _listing(self, look: Callable[[str], Source]) -> Listing:
        return Listing(self.home, self.specs, self.reports, look, self._keep)
