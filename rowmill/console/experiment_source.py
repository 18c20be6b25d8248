"""From a name in a path to an experiment's record, its ETag, its runs and their manifests."""

from __future__ import annotations

from rowmill.console.sandbox.requests import Text
from rowmill.engine.interface import Engine
from rowmill.engine.records import ExperimentRecord, RunRecord
from rowmill.errors import NotFound


def etag_header(record: ExperimentRecord) -> str:
    """The experiment's `etag` as a header has it."""
    return f'"{record.etag}"'


def etags_of(header: str) -> frozenset[str] | None:
    """The ETags in an If-Match header, any of which will do; None of `*`."""
    if header.strip() == "*":
        return None
    # A proxy that compresses answers makes a weak one of it; ours names the text, not its bytes.
    return frozenset(each.strip().removeprefix("W/").strip('"') for each in header.split(","))


def run_of(engine: Engine, name: str, wanted: str) -> RunRecord:
    """The run of a path, by its number or its id; `newest` is the newest.

    Raises:
        NotFound: there is no such run.
    """
    runs = engine.runs(name)
    if wanted == "newest" and runs:
        return runs[-1]
    for run in runs:
        if wanted in (str(run.number), run.id):
            return run
    known = ", ".join(str(run.number) for run in runs if run.number is not None)
    raise NotFound("RunUnknown", f"{name} has no run {wanted!r} (known: {known or 'none'})")


def text_of(engine: Engine, name: str, run: RunRecord | None) -> Text:
    """The manifest whose rows are meant: that of a run, else the experiment's newest."""
    if run is None or run.number is None:
        found = engine.get(name)
        return Text(found.manifest, found.scale, found.seed, found.newest.run.data_version)
    manifest = engine.warehouse(name).manifest(run.number)
    return Text(manifest, run.scale, run.seed, run.data_version)
