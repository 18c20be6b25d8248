"""What an engine does: the one interface of one machine and of a cluster, for every face.

Every method that takes a NAME raises NotFound if there is no such experiment. What a destination, a
server or an API server refuses is Refused, what does not answer Unavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from rowmill.engine.cancellation import Cancellation
from rowmill.engine.records import ExperimentRecord, LogLine, Page, Progress, RunRecord, State
from rowmill.engine.verification import OnProgress, Verification, ignored
from rowmill.engine.warehouse import Warehouse

if TYPE_CHECKING:
    # For its name alone: it comes with the whole manifest, and a plugin's start waits for it.
    from rowmill.engine.request import ApplyRequest


def unsaid(text: str) -> None:
    """For who need not know."""


class Engine(Protocol):
    """Runs experiments, and tells of their runs."""

    @property
    def place(self) -> str:
        """Where its experiments are, in words that follow them: `in namespace 'trial'`."""
        ...

    def command(self, verb: str, name: str, *options: str) -> str:
        """The whole command line for an experiment, to be pasted: `rowmill status shop -w`.

        It has what else leads there, such as the manifest's file or the namespace.
        """
        ...

    def now(self) -> datetime:
        """The time by the clock that the times of runs are of."""
        ...

    def apply(
        self, request: ApplyRequest, *, dry_run: bool = False, if_match: str | None = None
    ) -> RunRecord | None:
        """Have an experiment as the manifest says, and its run begun or resumed, which goes on.

        Args:
            request: what to run, and how.
            dry_run: look at it alone, and begin nothing.
            if_match: the `etag` that the experiment must still have; ABSENT of a new one.

        Returns:
            The run; None if none was begun.

        Raises:
            Invalid: the manifest is no good.
            Conflict: it is another experiment by now, or what is there does not fit.
        """
        ...

    def list(
        self,
        *,
        search: str = "",
        state: State | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[ExperimentRecord]:
        """The experiments by name, of which `search` is part of the name.

        Args:
            search: in any case of letters.
            state: of the newest run.
            after: the last name of the page before.
            limit: so many at most; None for all.
        """
        ...

    def get(self, name: str) -> ExperimentRecord:
        """The experiment: its manifest and `etag`, and how far its newest run is."""
        ...

    def status(self, name: str, run: int | None = None) -> Progress:
        """How far a run is, by default the newest.

        Raises:
            NotFound: there is no such run.
        """
        ...

    def watch(
        self,
        name: str,
        run: int | None = None,
        *,
        waiting: Callable[[str], None] = unsaid,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Progress]:
        """How far a run is, by default the newest, again and again until it has ended.

        `waiting` is told, in this thread and as long as it lasts, what keeps the next look waiting.

        It ends once it is verified, where its manifest asks for that. Of what was asked for since,
        it is the run that answers; raises as `status`, Conflict if no run will begin, and Cancelled
        by its cancellation.
        """
        ...

    def runs(self, name: str | None = None) -> Sequence[RunRecord]:
        """The runs that are remembered of NAME, or of each experiment, oldest first."""
        ...

    def abort(self, name: str) -> RunRecord:
        """End the run under way, which can be resumed; raises Conflict if there is none."""
        ...

    def suspend(self, name: str) -> RunRecord:
        """Stop the run under way until it is resumed; raises Conflict if there is none."""
        ...

    def resume(self, name: str) -> RunRecord:
        """Go on with a suspended, aborted, failed or interrupted run; else raises Conflict.

        So do this, `apply`, `rerun`, `reset` and `delete` where they cannot be while a run is live.
        """
        ...

    def rerun(
        self,
        name: str,
        *,
        restart: bool = False,
        agreed: frozenset[str] | None = None,
        adopt: str | None = None,
    ) -> RunRecord:
        """Begin the next run; readers see the old data until the new is published.

        Args:
            name: of the experiment.
            restart: drop the work of an unfinished run.
            agreed: ids of the published runs that one of fewer rows may replace, where that is
                known before it begins; None: of all.
            adopt: the owner key of another experiment whose tables and prefix are taken over.

        Raises:
            WouldDrop, WouldReplace: it would do what it may not.
        """
        ...

    def verify(
        self,
        name: str,
        *,
        threads: int | None = None,
        on_progress: OnProgress = ignored,
        timeout: float | None = None,
    ) -> Verification:
        """Make all rows of the published run again, and compare every destination with them.

        Args:
            name: of the experiment.
            threads: how many make and compare rows, where that is here; None for the engine's.
            on_progress: told how far it is, where that is known here, from one thread at a time.
            timeout: seconds to wait for it, where that is done elsewhere; None for its end.

        Raises:
            Interrupted: StillUnderWay, it was not done in time; it goes on.
        """
        ...

    def reset(self, name: str, *, timeout: float | None = None) -> RunRecord:
        """Remove the experiment's data; its records stay. Raises Conflict while a run is live.

        `timeout`, and what is raised then, is as of `verify`.
        """
        ...

    def delete(self, name: str, *, purge: bool) -> str:
        """Remove the experiment's records, and with `purge` its data.

        Returns what became of it, a sentence: `shop is deleted: removed 3 tables`.
        """
        ...

    def warehouse(self, name: str) -> Warehouse:
        """What is read of the experiment's published data.

        Raises:
            WarehouseUnreachable: its destinations cannot be reached from here.
        """
        ...

    def logs(
        self,
        name: str,
        *,
        run: int | None = None,
        shard: int | None = None,
        follow: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Iterator[LogLine]:
        """What the processes of a run said, by default of the newest.

        Args:
            name: of the experiment.
            run: its number.
            shard: of this shard alone, where they are told apart.
            follow: also what they say from now on, until the run ends.
            cancellation: ends the following from another thread, though nothing is said; what
                waits for a line then raises Cancelled.
        """
        ...
