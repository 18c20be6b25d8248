"""A removal that was cut leaves the next one what to tell of, and a pod tells before it ends."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from rowmill.destinations.errors import DestinationUnavailable
from rowmill.destinations.lake.lake import Emptied, Lake
from rowmill.destinations.ledger import Ledger
from rowmill.plan.purging import Written
from rowmill.spec.cluster import Defaults, on_cluster
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, Destinations, open_destinations
from rowmill.worker.removal.purge import delete, purge, reset
from rowmill.worker.removal.removed import Purged
from rowmill.worker.shard import Stopped
from tests.integration.experiments import PEOPLE, Connection, Manifest
from tests.integration.job.job_env import NAMESPACE, Pods, told


@pytest.fixture
def destinations_of(reach: Connections) -> Iterator[Callable[[Manifest], Destinations]]:
    """Joins a manifest's destinations as the pods of its Experiment do."""
    with ExitStack() as opened:

        def join_those_of(wanted: Manifest) -> Destinations:
            spec = on_cluster(load_spec("manifest", text=json.dumps(wanted)), NAMESPACE, Defaults())
            return opened.enter_context(closing(open_destinations(spec, reach)))

        yield join_those_of


def test_a_purge_that_is_told_to_stop_leaves_the_next_what_to_tell_of(
    pods: Pods,
    content: Callable[..., Manifest],
    ledger: Ledger,
    destinations_of: Callable[[Manifest], Destinations],
) -> None:
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)

    def stop(_: Purged) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        purge(destinations_of(wanted), "uid-1", Written(1, published.message["run"]), stop)
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    assert purged.message["message"] == "removed 1 table (2,500 rows), 1 object"
    assert purged.message["removed"] == {"tables": 1, "rows": 2_500, "objects": 1}
    assert ledger.runs.owners() == []


def cut(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The bucket is out of reach once: before or after the objects are removed."""
    remove = Lake.remove

    def fail(lake: Lake) -> Emptied:
        if after:
            remove(lake)
        raise DestinationUnavailable("it does not answer")

    monkeypatch.setattr(Lake, "remove", fail)


@pytest.mark.parametrize("command", ["purge", "delete", "reset"])
def test_a_removal_that_was_cut_after_the_tables_went_tells_of_them_at_its_next_try(
    pods: Pods,
    content: Callable[..., Manifest],
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    wanted = content(tables=[PEOPLE])
    written = Written(1, pods.complete(wanted).message["run"])
    pods.bundle({**wanted, "spec": {**wanted["spec"], "seed": 2}}, number=2)
    assert pods.run("shard", 0).code == 0
    destinations = destinations_of(wanted)

    def remove() -> str:
        if command == "purge":
            return purge(destinations, "uid-1", written, lambda purged: None).message
        return str((delete if command == "delete" else reset)(destinations))

    with monkeypatch.context() as patched:
        cut(patched, after=False)
        with pytest.raises(DestinationUnavailable):
            remove()
    assert remove() == ("removed 1 table (2,500 rows), 1 object, the work of 1 unfinished run")
    if command == "reset":
        assert remove() == "there was no data to remove"


def test_a_table_that_stays_is_told_by_the_next_try_as_well(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)
    database.execute(f"ALTER TABLE {name}.people RENAME TO persons")
    with monkeypatch.context() as patched:
        cut(patched, after=False)
        with pytest.raises(DestinationUnavailable):
            reset(destinations_of(wanted))
    purged = pods.run("purge", env=told(published))
    assert purged.message["purged"] == "partly", purged.log
    assert purged.message["message"] == (
        f'removed 1 object (2,500 rows); left: "{name}"."persons", '
        "of which the name or the comment was changed since it was published"
    )


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_objects_that_went_in_a_try_that_was_cut_are_not_told_as_lost(
    pods: Pods,
    content: Callable[..., Manifest],
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
    postgres: dict[str, str] | None,
) -> None:
    wanted = content(tables=[PEOPLE], **({"postgres": None} if postgres is None else {}))
    published = pods.complete(wanted)
    with monkeypatch.context() as patched:
        cut(patched, after=True)
        with pytest.raises(DestinationUnavailable):
            delete(destinations_of(wanted))
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    removed = "removed 1 table (2,500 rows)" if postgres is not None else None
    assert purged.message["message"] == (
        f"{removed or 'there was no data left to remove'}; "
        "1 object of 1 removed by a try that was cut, or not there before"
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_pod_that_is_ended_while_its_records_go_has_told_what_it_removed(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    ledger: Ledger,
    end: signal.Signals,
) -> None:
    """Its records may go all the same: then nothing else knows that it was purged."""
    published = pods.complete(content(tables=[PEOPLE]))
    with database.transaction():
        database.execute(f"SELECT FROM {name}_ledger.experiments FOR UPDATE")
        pod = pods.start("purge", env=told(published))
        pod.wait_until(
            lambda: pod.termination_log.exists() and bool(pod.termination_log.read_text())
        )
        pod.process.send_signal(end)
        if end == signal.SIGKILL:
            pod.process.wait(60)
    ended = pod.end()
    assert ended.code == (-9 if end == signal.SIGKILL else 143)
    assert ended.message["purged"] == "removed"
    assert ended.message["message"] == "removed 1 table (2,500 rows), 1 object"
    if end == signal.SIGTERM:
        assert ledger.runs.owners() == []
