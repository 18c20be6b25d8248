"""The engine of a cluster: Experiments of one namespace, steered by what the operator reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from rowmill.cluster.apiserver.patience import patiently
from rowmill.cluster.applying import (
    annotations_of,
    begins_by_itself,
    document_of,
    refuse_to_take_over,
)
from rowmill.cluster.deleting import delete_experiment
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.heeding import unheeded
from rowmill.cluster.logs import PodLogs
from rowmill.cluster.namespace import Cluster, Raw
from rowmill.cluster.steering import (
    Change,
    abort,
    annotated,
    moment,
    patched_as_read,
    resume,
    steer,
)
from rowmill.cluster.verdicts import verification_of, verified_message
from rowmill.cluster.waiting import Asked, Waiting, refuse_superseded, refuse_unverifiable
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.consent import unfinished_run
from rowmill.engine.interface import Engine, unsaid
from rowmill.engine.paging import paged
from rowmill.engine.records import ExperimentRecord, LogLine, Page, Progress, RunRecord, State
from rowmill.engine.request import ABSENT, ApplyRequest, Mode
from rowmill.engine.verification import OnProgress, Verification, VerifyProgress, ignored
from rowmill.engine.warehouse import Warehouse, WarehouseUnreachable
from rowmill.errors import Conflict, NotFound
from rowmill.spec.cluster_names import ABORT, ADOPT, ASK_RESET, ASK_VERIFY, RERUN, RESUME

# The operator writes progress every 5 seconds; asking more often shows nothing new for long.
WATCH_SECONDS = 2.0
_AT_WORK = ("Running", "Finalizing")


@dataclass
class ClusterEngine(Engine):
    """The `Engine` of a namespace: what is asked for stands in the Experiment, and so survives.

    It writes annotations, `spec.suspend` and what a deletion needs alone; what the operator does
    about them shows in the status. `notice` is told what the user should know; `options` are those
    of a command line that lead to this namespace.
    """

    cluster: Cluster
    notice: Callable[[str], None] = lambda text: None
    sleep: Callable[[float], None] = time.sleep
    options: str = ""
    clock: Callable[[], float] = time.monotonic
    # Of these a run was asked for here, which a refused spec never begins.
    _asked: set[str] = field(default_factory=set)

    @property
    def place(self) -> str:
        return f"in namespace {self.cluster.namespace!r}"

    def command(self, verb: str, name: str, *options: str) -> str:
        return " ".join(filter(None, ("kubectl rowmill", verb, name, *options, self.options)))

    def now(self) -> datetime:
        return self.cluster.now()

    def list(
        self,
        *,
        search: str = "",
        state: State | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[ExperimentRecord]:
        found = (Experiment(raw).record() for raw in self.cluster.experiments())
        named = (one for one in found if search.lower() in one.name.lower())
        return paged(named, state, after, limit)

    def get(self, name: str) -> ExperimentRecord:
        return self._experiment(name).record()

    def status(self, name: str, run: int | None = None) -> Progress:
        experiment = self._experiment(name)
        if run is None:
            self._tell_unheeded(experiment)
        return experiment.progress if run is None else _past(experiment, run)

    def watch(
        self,
        name: str,
        run: int | None = None,
        *,
        waiting: Callable[[str], None] = unsaid,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Progress]:
        experiment = self._experiment(name)
        # Of a run that is at work a refused edit says nothing.
        begun = experiment.phase in _AT_WORK
        told = False
        while run is None or run == experiment.number:
            told = told or self._tell_unheeded(experiment)
            yield experiment.awaited
            begun = begun or experiment.phase in _AT_WORK
            if name in self._asked or (experiment.refused and not begun):
                self._refuse_in_vain(experiment)
            if experiment.settled and not experiment.overall.run.at_work:
                self._asked.discard(name)
                return
            experiment = self._later(name, waiting, cancellation)
        yield _past(experiment, run)

    def runs(self, name: str | None = None) -> Sequence[RunRecord]:
        found = self.cluster.experiments() if name is None else [self.cluster.experiment(name)]
        return [run for raw in found for run in Experiment(raw).runs()]

    def abort(self, name: str) -> RunRecord:
        """As of `Engine`; a next run that was asked for does not begin either."""
        return self._steer(name, partial(abort, hold=self.command("suspend", name)))

    def suspend(self, name: str) -> RunRecord:
        experiment = self._experiment(name)
        experiment.refuse_if_leaving()
        if experiment.suspended:
            resume = self.command("resume", name)
            message = f"{name} is suspended already; `{resume}` goes on with it"
            raise Conflict("NothingToSuspend", message)
        if experiment.settled:
            raise Conflict(
                "NothingToSuspend",
                f"run {experiment.number} of {name} has ended ({experiment.phase}); "
                "there is nothing to suspend",
            )
        self.cluster.patch(name, {"spec": {"suspend": True}})
        return experiment.answer

    def resume(self, name: str) -> RunRecord:
        run = self._steer(name, partial(resume, rerun=self.command("rerun", name)))
        self._asked.add(name)
        return run

    def rerun(
        self,
        name: str,
        *,
        restart: bool = False,
        agreed: frozenset[str] | None = None,
        adopt: str | None = None,
    ) -> RunRecord:
        """As of `Engine`; the next run of what is suspended begins when that is resumed.

        Nobody is to agree to what it replaces: how many rows it has, its operator finds out.
        """

        def asked(experiment: Experiment) -> Change:
            if experiment.refused:
                raise _no_run_begins(experiment)
            if not restart:
                self._refuse_to_drop(experiment)
            # A number that comes back would be aborted before it starts.
            owner = {} if adopt is None else {ADOPT: adopt}
            again = annotated({RERUN: moment(), ABORT: None, **owner})
            return Change(again, experiment.next_run)

        run = self._steer(name, asked)
        self._asked.add(name)
        return run

    def apply(
        self, request: ApplyRequest, *, dry_run: bool = False, if_match: str | None = None
    ) -> RunRecord | None:
        document = document_of(request)
        before = None
        if request.mode is not Mode.AUTO:
            with suppress(NotFound):
                before = self._experiment(document["metadata"]["name"])
        if request.mode is Mode.RERUN and before is not None:
            self._refuse_to_drop(before)
        if if_match == ABSENT:
            refuse_to_take_over(self.cluster, document["metadata"]["name"])
        elif if_match is not None:
            document["metadata"]["resourceVersion"] = if_match
        applied = Experiment(self.cluster.apply(document, dry_run=dry_run))
        applied.refuse_if_leaving()
        if dry_run:
            return None
        if begins_by_itself(before, applied):
            self._asked.add(applied.name)
            return applied.next_run
        asked = annotations_of(request.mode, applied, moment())
        if asked:
            self.cluster.patch(applied.name, annotated(asked))
        elif applied.settled:
            return None
        self._asked.add(applied.name)
        if RERUN in asked:
            return applied.next_run
        return applied.taken_up if RESUME in asked else applied.answer

    def verify(
        self,
        name: str,
        *,
        threads: int | None = None,
        on_progress: OnProgress = ignored,
        timeout: float | None = None,
    ) -> Verification:
        """As of `Engine`: a Job of the worker image does it, which no suspended one has.

        Of a run that is replaced before its answer comes, that of the next is waited for.
        """
        experiment, asked = self._ask(name, ASK_VERIFY, _verifiable)
        published = experiment.published
        waiting = self._waiting(asked, timeout, verified_message(experiment))
        while True:
            experiment = self._later(name)
            found = experiment.verification or {}
            if found.get("request") == asked.request:
                assert published is not None, "else nothing is asked for"
                return verification_of(found, published)
            on_progress(VerifyProgress("waiting", "", 0, 0))
            now = experiment.published
            if now is None or now.number is None or now.number <= asked.number:
                waiting.heed(experiment, verified_message(experiment))
                continue
            # The operator has its verify make way for a run that is published.
            refuse_superseded(experiment, asked)
            self.notice(
                f"{name}: run {now.number} has taken the place of run {asked.number}, "
                "and is verified instead"
            )
            experiment, asked = self._ask(name, ASK_VERIFY, _verifiable)
            published, waiting.asked = experiment.published, asked

    def reset(self, name: str, *, timeout: float | None = None) -> RunRecord:
        """As of `Engine`: a Job of the worker image does it, and then the phase is Reset."""
        experiment, asked = self._ask(name, ASK_RESET, self._resettable)
        self._asked.discard(name)
        waiting = self._waiting(asked, timeout, experiment.message)
        while True:
            experiment = self._later(name)
            if experiment.number != asked.number:
                raise Conflict(
                    "Replaced", f"run {asked.number} of {name} is not the newest any more"
                )
            if experiment.reset.get("request") == asked.request:
                # What is waited for now, such as a next run, is told by the conditions.
                message = str(experiment.run.get("message") or experiment.message)
                return replace(experiment.overall.run, message=message)
            waiting.heed(experiment, experiment.message)

    def delete(self, name: str, *, purge: bool) -> str:
        delete_experiment(self.cluster, name, purge=purge)
        what = "its data goes with it" if purge else "its data and its ledger stay"
        return f"{name} is being deleted; {what}"

    def warehouse(self, name: str) -> Warehouse:
        raise WarehouseUnreachable(
            f"the destinations of {name} are the cluster's, and so are the credentials for them; "
            "with the manifest and the secrets as files the engine of one machine reads them, from "
            "any that reaches them"
        )

    def logs(
        self,
        name: str,
        *,
        run: int | None = None,
        shard: int | None = None,
        follow: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Iterator[LogLine]:
        asked = cancellation or Cancellation()
        logs = PodLogs(self.cluster, name, run, shard, self.notice, asked)
        return logs.following() if follow else logs.lines()

    def _tell_unheeded(self, experiment: Experiment) -> bool:
        """Tell of a change that no operator has looked at; whether there is one."""
        words = unheeded(experiment, self.now())
        if words is not None:
            self.notice(words)
        return words is not None

    def _refuse_in_vain(self, experiment: Experiment) -> None:
        """Raise Conflict if what was asked for here will not begin, or not come to its end."""
        name = experiment.name
        if experiment.settled and experiment.phase == "Reset":
            again = self.command("rerun", name)
            raise Conflict(
                "Replaced",
                f"run {experiment.number} of {name} was reset meanwhile; `{again}` makes it again",
            )
        if experiment.phase in _AT_WORK:
            return
        if experiment.refused:
            raise _no_run_begins(experiment)
        if experiment.settled and not experiment.asks_more:
            return
        if experiment.suspended:
            raise Conflict(
                "Suspended",
                f"{name} is suspended, so its next run would be waited for in vain; "
                f"first: {self.command('resume', name)}",
            )

    def _refuse_to_drop(self, experiment: Experiment) -> None:
        """Raise WouldDrop if the newest run of what is to run again has not come to its end."""
        if not experiment.unfinished:
            return
        run, name = experiment.overall.run, experiment.name
        stopped = experiment.suspended or experiment.phase == "Failed"
        do = f"go on with it: {self.command('resume', name)}"
        if not stopped:
            do = f"wait for it: {self.command('status', name, '-w')}"
        what = f"run {run.number} of {name} is {run.state}"
        raise unfinished_run(what, run.rows, instead=do)

    def _live(self, experiment: Experiment) -> str:
        """Why a run that is at work is not reset, and what to do first."""
        name = experiment.name
        wait = f"wait for it with `{self.command('status', name, '-w')}`"
        stop = " or ".join(f"`{self.command(verb, name)}`" for verb in ("suspend", "abort"))
        state = experiment.overall.run.state
        return f"run {experiment.number} of {name} is {state}: {wait}, or stop it with {stop}"

    def _resettable(self, experiment: Experiment) -> int:
        """The run of which the data is removed; raises Conflict if there is none, or it is live."""
        if experiment.number is None:
            raise Conflict("NothingToReset", f"{experiment.name} has no run yet, and so no data")
        if not experiment.ended and not experiment.suspended:
            raise Conflict("RunLive", self._live(experiment))
        return experiment.number

    def _ask(
        self, name: str, annotation: str, run_of: Callable[[Experiment], int]
    ) -> tuple[Experiment, Asked]:
        """Ask it of the run that `run_of` says of the very Experiment in which it is asked."""

        def decided(raw: Raw) -> tuple[Raw, tuple[Experiment, Asked]]:
            experiment = Experiment(raw)
            experiment.refuse_if_leaving()
            number = run_of(experiment)
            request = experiment.next_request(annotation, number)
            asked = Asked(name, annotation, request, number)
            return annotated({annotation: request}), (experiment, asked)

        return patched_as_read(self.cluster, name, decided)

    def _waiting(self, asked: Asked, timeout: float | None, told: str) -> Waiting:
        return Waiting(asked, self.notice, self.clock, timeout, told)

    def _steer(self, name: str, decide: Callable[[Experiment], Change]) -> RunRecord:
        change = steer(self.cluster, name, decide)
        if change.notice:
            self.notice(change.notice)
        return change.run

    def _later(
        self,
        name: str,
        waiting: Callable[[str], None] = unsaid,
        cancellation: Cancellation | None = None,
    ) -> Experiment:
        """The Experiment a moment later, also where the API server is away for a while."""

        def notice(text: str) -> None:
            self.notice(text)
            waiting(text)

        sleep = self.sleep if cancellation is None else cancellation.sleep
        sleep(WATCH_SECONDS)
        return patiently(lambda: self._experiment(name), notice, sleep)

    def _experiment(self, name: str) -> Experiment:
        return Experiment(self.cluster.experiment(name))


def _verifiable(experiment: Experiment) -> int:
    """The published run; raises NotFound without one, and why it will not be verified."""
    published = experiment.published
    if published is None or published.number is None:
        raise NotFound("NothingPublished", f"{experiment.name}: no run of it is published yet")
    refuse_unverifiable(experiment, published.number)
    return published.number


def _no_run_begins(experiment: Experiment) -> Conflict:
    """The refusal of what asks for a run of a spec that the operator has refused."""
    return Conflict("InvalidSpec", f"no run of {experiment.name} begins: {experiment.message}")


def _past(experiment: Experiment, number: int | None) -> Progress:
    if number == experiment.number:
        return experiment.progress
    for run in experiment.runs():
        if run.number == number:
            return Progress(run)
    raise experiment.unknown_run(number)
