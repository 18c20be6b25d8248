"""The Python API: what a test suite or a notebook imports, as `import rowmill`.

experiment = rowmill.load("examples/shop.yaml", scale=0.01)
orders = experiment.table("orders", 0, 1000)         # an Arrow table, no server needed
outcome = experiment.run(on_progress=print)          # into the manifest's destinations
report = experiment.verify()
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import ParamSpec, SupportsIndex, TypeVar

import pyarrow as pa

import rowmill
from rowmill.cluster.failures import ApiRefused as ApiRefused
from rowmill.cluster.failures import ApiUnreachable as ApiUnreachable
from rowmill.cluster.failures import NoAccess as NoAccess

# Imported as itself is what `rowmill.__all__`, the one list of it, offers from here.
from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused as DestinationRefused
from rowmill.destinations.errors import DestinationUnavailable as DestinationUnavailable
from rowmill.destinations.errors import QueryRefused as QueryRefused
from rowmill.destinations.patience import NowAndThen
from rowmill.engine.records import RunRecord as RunRecord
from rowmill.engine.records import State as State
from rowmill.engine.request import ApplyRequest as ApplyRequest
from rowmill.engine.request import Mode as Mode
from rowmill.engine.request import RunRequest
from rowmill.engine.verification import Verification as Verification
from rowmill.engine.warehouse import WarehouseUnreachable as WarehouseUnreachable
from rowmill.errors import Conflict as Conflict
from rowmill.errors import Differs as Differs
from rowmill.errors import Failed as Failed
from rowmill.errors import Interrupted as Interrupted
from rowmill.errors import Invalid as Invalid
from rowmill.errors import NotFound as NotFound
from rowmill.errors import Refused as Refused
from rowmill.errors import RowmillError as RowmillError
from rowmill.errors import Unavailable as Unavailable
from rowmill.errors import Unsupported as Unsupported
from rowmill.generate.rows import Generator
from rowmill.local.connections import ServersDown as ServersDown
from rowmill.local.connections import find_connections
from rowmill.local.detached import DetachedRun, start_detached
from rowmill.local.home import remembered
from rowmill.local.home.folder import rowmill_home
from rowmill.local.home.remembered import MemoryDamaged as MemoryDamaged
from rowmill.local.planning import verify_threads
from rowmill.local.reports import Reports
from rowmill.local.run.outcome import Outcome as Outcome
from rowmill.local.run.progress import Snapshot as Snapshot
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run_errors import RunAborted as RunAborted
from rowmill.local.run_errors import RunFailed as RunFailed
from rowmill.local.run_errors import RunSuspended as RunSuspended
from rowmill.local.secret_names import UnknownSecret as UnknownSecret
from rowmill.local.secret_names import refuse_unknown_secrets
from rowmill.local.servers.process import EmbeddedServerError as EmbeddedServerError
from rowmill.local.source import Source
from rowmill.local.supervision import supervised
from rowmill.plan.run_source import RunSource
from rowmill.python_arguments import InvalidArgument as InvalidArgument
from rowmill.python_arguments import (
    check_callable,
    check_names,
    check_path,
    check_text,
    chosen_mode,
    secret_files,
    whole_number,
    whole_number_or_none,
)
from rowmill.python_engines import cluster_engine as cluster_engine
from rowmill.python_engines import local_engine as local_engine
from rowmill.python_words import in_python, speaking_python
from rowmill.spec.dataset import Spec
from rowmill.spec.load import Overrides as Overrides
from rowmill.spec.load import load_spec, read_manifest
from rowmill.spec.places import located
from rowmill.spec.problems import ImpossibleColumns as ImpossibleColumns
from rowmill.spec.problems import InvalidManifest as InvalidManifest
from rowmill.spec.problems import Problem
from rowmill.spec.rules.warnings import manifest_warnings
from rowmill.spec.run_bounds import BATCH_ROWS, WORKERS
from rowmill.verify.trace import Unkeyed as Unkeyed
from rowmill.warehouse.published import NothingPublished as NothingPublished
from rowmill.warehouse.verifying import verify_and_keep
from rowmill.worker.pools import make_pools
from rowmill.worker.start.refusals import EditedManifest as EditedManifest
from rowmill.worker.start.refusals import NoRunToResume as NoRunToResume

_LOG = logging.getLogger("rowmill")


P = ParamSpec("P")
R = TypeVar("R")


def _for_callers(method: Callable[P, R]) -> Callable[P, R]:
    """The method, with expected errors in Python's words and no frames below this one."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except RowmillError as error:
            error.args = (in_python(str(error)),)
            raise error.with_traceback(None) from None

    return call


@_for_callers
def load(
    manifest: str | Path,
    *,
    text: str | None = None,
    scale: str | float | None = None,
    seed: SupportsIndex | None = None,
    secrets: Mapping[str, str | Path] | None = None,
) -> Experiment:
    """Read and check a manifest.

    One that names no data version is read by that of the experiment's last run on this machine.

    Args:
        manifest: its file; with `text` only a name for messages.
        text: the manifest itself, instead of a file.
        scale, seed: instead of the manifest's.
        secrets: for each `secretName` a file of KEY=VALUE lines.

    Raises:
        InvalidArgument: what is given is of the wrong kind, or a secret that the manifest lacks.
        InvalidManifest: with every problem that was found.
    """
    check_path("manifest", manifest)
    check_text("text", text)
    seed_number = whole_number_or_none("seed", seed)
    files = secret_files(secrets)
    content = read_manifest(Path(manifest)) if text is None else text
    scale_text = None if scale is None else str(scale)
    spec = _spec(manifest, content, Overrides(scale=scale_text, seed=seed_number))
    source = RunSource(content, scale_text, seed_number)
    try:
        refuse_unknown_secrets(spec, files)
    except UnknownSecret as error:
        raise InvalidArgument(error.message) from None
    return Experiment(spec, source, files)


class Experiment:
    """A valid manifest: its rows can be made right here, or loaded into its destinations."""

    def __init__(self, spec: Spec, source: RunSource, secrets: Mapping[str, Path]) -> None:
        self.spec = spec
        self._source = source
        self._secrets = secrets

    def __repr__(self) -> str:
        rows = counted(sum(self.tables.values()), "row")
        return f"<Experiment {self.name}: {', '.join(self.tables)}; {rows}>"

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def tables(self) -> dict[str, int]:
        """The tables' row counts, in the manifest's order."""
        return {table.name: table.rows for table in self.spec.dataset.tables}

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What in the manifest will probably surprise, each with `path`, `line` and `message`."""
        return located(manifest_warnings(self.spec), self._source.manifest)

    @_for_callers
    def table(
        self,
        name: str,
        start: SupportsIndex = 0,
        stop: SupportsIndex | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows `start` to `stop - 1` of a table (by default all), made on the spot.

        The same rows that a run writes, by their index; any range costs only its own rows.

        Raises:
            InvalidArgument: `start` or `stop` is no whole number, or `columns` no list.
            KeyError: no such table or column; it says which there are.
            IndexError: the table has no such rows.
            ImpossibleColumns: no data can meet the manifest, as the values of its providers show.
        """
        first = whole_number("start", start)
        end = whole_number_or_none("stop", stop)
        check_names("columns", columns)
        if end is None:
            end = self.spec.dataset.table(name).rows
        batch = self._generator.batch(name, first, end, columns)
        schema = self._generator.arrow_schema(name)
        plain = pa.schema([schema.field(column) for column in batch.schema.names])
        return pa.Table.from_batches([batch]).cast(plain)

    @_for_callers
    def run(
        self,
        *,
        on_progress: Callable[[Snapshot], None] = lambda snapshot: None,
        on_notice: Callable[[str], None] = _LOG.warning,
        workers: SupportsIndex | None = None,
        batch_rows: SupportsIndex | None = None,
        mode: Mode | str = Mode.AUTO,
        adopt: str | None = None,
    ) -> Outcome:
        """Load the experiment into its destinations, as `rowmill run` does.

        The workers are processes of their own, which import nothing of the caller's script: it
        needs no `if __name__ == "__main__":` for them.

        Args:
            on_progress: called a few times a second from the beginning of the load, and at each
                step after it; `Snapshot.doing` says what is being done.
            on_notice: told, in a sentence each, what the user should know: whose data the run
                replaces, which server is waited for. By default that goes to the logger `rowmill`,
                and so to standard error.
            workers: instead of the manifest's, 1 to 1,024.
            batch_rows: instead of the manifest's, 1,000 to 100,000.
            mode: whether an unfinished run is resumed ("auto"), must be ("resume"), or is dropped
                ("restart"). The last makes a complete run again too, and so does "rerun", which
                drops nothing.
            adopt: the owner key of another experiment whose tables and prefix are taken over.

        Raises:
            InvalidArgument: a parameter is of the wrong kind or out of bounds; nothing was begun.
            DestinationRefused, DestinationUnavailable: before any work was done; `reason` of the
                former is one word (docs/troubleshooting.md).
            RunFailed, RunAborted, RunSuspended, Interrupted: the run can be resumed.
            EditedManifest, NoRunToResume: `mode` does not fit the last run. Of "rerun" that is a
                RowmillError, reason UnfinishedRun.
            ImpossibleColumns: as of `table`.
            RowmillError: LiveRunElsewhere, another process runs it now.
            EmbeddedServerError: an embedded server does not start.
            RuntimeError: called from a script that a child process of its own imports anew.
        """
        _refuse_imported_script()
        check_callable("on_progress", on_progress)
        check_callable("on_notice", on_notice)
        request = _request(workers, batch_rows, mode, adopt)
        hooks = RunHooks(
            progress=on_progress, notice=speaking_python(on_notice), wait=NowAndThen(on_notice)
        )
        with supervised(rowmill_home(), self._as_asked(request), self.spec) as supervision:
            return supervision.run(request, hooks)

    @_for_callers
    def start(
        self,
        *,
        on_notice: Callable[[str], None] = _LOG.warning,
        workers: SupportsIndex | None = None,
        batch_rows: SupportsIndex | None = None,
        mode: Mode | str = Mode.AUTO,
        adopt: str | None = None,
    ) -> RunRecord:
        """Begin to load the experiment, as `rowmill run --detach` does, and return its run.

        It goes on in a process of its own, also when this program has ended:
        `rowmill.local_engine()` follows it, stops it and goes on with it, and so do the commands.
        What it replaces is agreed to. Arguments and errors are those of `run`, as far as they come
        before any work is done.
        """
        _refuse_imported_script()
        check_callable("on_notice", on_notice)
        request = _request(workers, batch_rows, mode, adopt)
        reports = Reports(speaking_python(on_notice), NowAndThen(on_notice))
        return start_detached(
            DetachedRun(rowmill_home(), self._as_asked(request), request), reports
        ).run

    @_for_callers
    def verify(self) -> Verification:
        """Make all rows again and compare the published run's destinations with them.

        The scale and seed of `load` hold; where neither was given, those of the published run do.

        Raises:
            NothingPublished: no run of this manifest, scale and seed is published.
            DestinationRefused, DestinationUnavailable: a destination cannot be read.
        """
        connections = find_connections(self.spec, self._secrets, rowmill_home())
        wait = NowAndThen(_LOG.warning)
        return verify_and_keep(
            self.spec, connections, threads=verify_threads(None), reload=self._with, wait=wait
        )

    def _with(self, overrides: Overrides) -> Spec:
        """The same manifest as the published run was started, but for what the caller gave."""
        given = self._source
        if (given.scale, given.seed) != (None, None):
            overrides = replace(overrides, scale=given.scale, seed=given.seed)
        return _spec(self.name, given.manifest, overrides)

    def _as_asked(self, request: RunRequest) -> Source:
        """As this machine is to know it, for the commands."""
        given = self._source
        return Source(self.name, given.manifest, given.scale, given.seed, self._secrets, request)

    @cached_property
    def _generator(self) -> Generator:
        return Generator(self.spec.dataset, make_pools(self.spec.dataset))


def _request(
    workers: SupportsIndex | None,
    batch_rows: SupportsIndex | None,
    mode: Mode | str,
    adopt: str | None,
) -> RunRequest:
    """What a run is asked for with, checked; raises InvalidArgument."""
    check_text("adopt", adopt)
    return RunRequest(
        workers=whole_number_or_none("workers", workers, WORKERS),
        batch_rows=whole_number_or_none("batch_rows", batch_rows, BATCH_ROWS),
        mode=chosen_mode(mode),
        adopt=adopt,
    )


def _spec(label: str | Path, manifest: str, overrides: Overrides) -> Spec:
    last_version = partial(remembered.last_data_version, rowmill_home())
    return load_spec(label, text=manifest, overrides=overrides, last_version=last_version)


def _refuse_imported_script() -> None:
    """Each child of the caller's own multiprocessing imports the script, and would run it all."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(
            "a run was asked for while multiprocessing imports this script into a child process "
            'of its own; nothing was begun: put the call under `if __name__ == "__main__":`'
        )


for _kind in [globals().get(name) for name in rowmill.__all__]:
    if isinstance(_kind, type) and issubclass(_kind, RowmillError):
        # Shown by the name that a caller catches it by.
        _kind.__module__ = "rowmill"
