"""What a crash of Postgres takes amid a load is made again; what a run goes by it never takes."""

from __future__ import annotations

from contextlib import suppress

import psutil

from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import up
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    all_rows,
    batches,
    count,
    dataset,
    table,
)
from tests.integration.embedded_processes import postmaster_or_weed
from tests.postgres_login import connect

ROWS = 60


def crash(home: Home) -> None:
    """Kill the server with all that it had not written, and start it on its data again."""
    postmaster = postmaster_or_weed(home, "postgres")
    killed = [postmaster, *postmaster.children()]
    for process in killed:
        # Without its postmaster a child ends by itself.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(killed, timeout=30)
    up(home)


def stop_writing_behind(admin: Connection) -> None:
    """Halt the server's processes that write out what no session waits for, until it is killed."""
    helpers = "SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
    for (pid,) in all_rows(admin, helpers):
        assert isinstance(pid, int)
        # A worker of autovacuum may have ended since.
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).suspend()


def test_a_crash_loses_batches_whole_and_none_that_was_settled(own: Home) -> None:
    known = up(own).postgres.exports()
    shop = Experiment(
        PostgresAddress(lambda: known, patience=Patience(seconds=60)),
        dataset(table("orders", rows=ROWS)),
    )
    run = shop.start(batch_rows=1)
    loader, half = shop.loader(run), ROWS // 2
    staged = f"{staging_schema(run.id)}.orders"
    for batch in batches(run)[:half]:
        loader.load(batch, shop.encoded(batch))
    assert shop.ledger.work.settled_batches(run.id) == {"orders": [(0, half)]}
    with connect(known) as admin:
        stop_writing_behind(admin)
    for batch in batches(run)[half:]:
        loader.load(batch, shop.encoded(batch))
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, ROWS)]}

    crash(own)

    [(first, left)] = shop.ledger.work.done_batches(run.id)["orders"]
    assert first == 0
    assert half <= left < ROWS, "the crash took something, and nothing that was settled"
    with connect(known) as admin:
        assert count(admin, staged) == left
    for batch in batches(run):
        assert loader.load(batch, shop.encoded(batch)) is (batch.number >= left)
    assert shop.ledger.work.settled_batches(run.id) == {"orders": [(0, ROWS)]}

    crash(own)

    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, ROWS)]}
    shop.finalize(run)
    with connect(known) as admin:
        assert count(admin, staged) == ROWS
