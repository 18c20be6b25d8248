"""How much of a result `query` shows and holds, and how it ends before its last row."""

import json
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable

import pytest
from psycopg import sql

from tests.integration.cli.commands import wait_until
from tests.integration.cli.queried import Queried
from tests.integration.experiments import Connection


def test_an_interrupt_ends_the_query_at_the_server_too(
    queried: Queried, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    process = queried.commands.start("query", queried.name, f"select pg_sleep(3600), '{mark}'")
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    _interrupt(process)
    assert queried.commands.finish(process).code == 5
    wait_until(lambda: _sessions(database, mark) == [])


def test_a_client_that_is_killed_takes_its_query_with_it(
    queried: Queried, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    process = queried.commands.start("query", queried.name, f"select pg_sleep(3600), '{mark}'")
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    process.kill()
    process.communicate()
    wait_until(lambda: _sessions(database, mark) == [])


def test_a_connection_that_is_cut_is_told_as_such(queried: Queried) -> None:
    done = queried.commands(
        "query", queried.name, "select pg_terminate_backend(pg_backend_pid())", "-o", "json"
    )
    assert done.code == 4
    assert "It was lost while it was read; run the same command again" in done.err
    assert "600 s" not in done.err


def test_an_interrupt_ends_a_query_that_waits_for_a_tables_lock(
    queried: Queried, connect: Callable[[], Connection], database: Connection
) -> None:
    mark = uuid.uuid4().hex
    with connect() as other, other.transaction():
        other.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(queried.name, "people")))
        process = queried.commands.start("query", queried.name, f"select '{mark}' from people")
        wait_until(lambda: _sessions(database, mark) == [("Lock",)], process)
        _interrupt(process)
        assert queried.commands.finish(process).code == 5
        wait_until(lambda: _sessions(database, mark) == [])


_MEASURED = """
import runpy, sys
try:
    runpy.run_module("rowmill", run_name="__main__", alter_sys=True)
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""


@pytest.mark.parametrize("output", ["csv", "json"])
def test_a_result_of_any_size_passes_through_little_memory(queried: Queried, output: str) -> None:
    """150 MB of rows, of which a program that keeps them all takes several times as much."""
    query = "select g, repeat('x', 750) as wide from generate_series(1, 200000) g"
    words = [sys.executable, "-c", _MEASURED, "query", queried.name, query, "-o", output]
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak is not None
    assert int(peak[1]) < 200_000


_CSV = """
import sys, rowmill
for piece in rowmill.local_engine().warehouse(sys.argv[1]).csv(sys.argv[2]):
    sys.stdout.buffer.write(piece)
print(open("/proc/self/status").read(), file=sys.stderr)
"""


def test_csv_of_any_size_comes_in_pieces_through_little_memory(queried: Queried) -> None:
    query = "select g, repeat('x', 750) as wide from generate_series(1, 200000) g"
    words = [sys.executable, "-c", _CSV, queried.name, query]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = sum(1 for _ in process.stdout)
        said = process.stderr.read().decode()
    peak = re.search(r"VmHWM:\s+(\d+) kB", said)
    assert lines == 200_001
    assert peak is not None, said
    assert int(peak[1]) < 200_000


def test_a_table_shows_the_first_rows_and_ends_the_query_at_the_server(
    queried: Queried, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    # In FROM the server would make all the numbers first.
    endless = f"select generate_series(1, 10000000000), '{mark}'"
    out = queried.commands("query", queried.name, endless).out.splitlines()
    assert out[0] == "the first 1,000 rows"
    assert out[-1] == "There are more than these 1,000 rows: -o csv or -o json gives all."
    assert re.search(r"^ +1000 . ", out[-2])
    wait_until(lambda: _sessions(database, mark) == [])


def test_an_interrupt_amid_the_rows_ends_document_and_query(
    queried: Queried, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    slow = "pg_sleep(case when g > 9000 then 3600 else 0 end)"
    query = f"select g, '{mark}' as mark, {slow} from generate_series(1, 9999) g"
    process = queried.commands.start("query", queried.name, query, "-o", "json")
    assert process.stdout is not None
    begun = process.stdout.read(10_000)
    rest: list[str] = []
    # A full pipe would keep it from waiting for the next row.
    reading = threading.Thread(target=lambda: rest.extend(process.stdout or ()))
    reading.start()
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    _interrupt(process)
    reading.join()
    assert process.wait() == 5
    document = json.loads(begun + "".join(rest))
    assert (document["error"]["reason"], document["error"]["exitCode"]) == ("Interrupted", 5)
    assert [row["g"] for row in document["rows"]] == list(range(1, len(document["rows"]) + 1))
    wait_until(lambda: _sessions(database, mark) == [])


def test_an_error_amid_the_rows_is_the_last_member_of_the_document(queried: Queried) -> None:
    query = "select 1 / (1500 - g) as n from generate_series(1, 3000) g"
    done = queried.commands("query", queried.name, query, "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert (done.json["error"]["message"], done.err) == (
        "division by zero",
        "rowmill: division by zero\n",
    )
    assert 0 < len(done.json["rows"]) < 1_500


def _sessions(database: Connection, mark: str) -> list[tuple[str, ...]]:
    """What the sessions wait for whose query holds the mark."""
    return database.execute(
        "SELECT wait_event_type FROM pg_stat_activity "
        "WHERE query LIKE %s AND pid <> pg_backend_pid()",
        (f"%{mark}%",),
    ).fetchall()


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
