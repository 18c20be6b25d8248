"""What is read by calls: rows that may not exist, SQL over those that do, CSV of it."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from tests.integration.console.calls import YAML, done, events
from tests.integration.console.conftest import Console
from tests.integration.experiments import ORDERS, PEOPLE, Connection, manifest

FORMULA = {
    "name": "notes",
    "rows": 4,
    "columns": [
        {"name": "text", "type": "text", "generate": {"choice": {"values": ["=1+1", "\\.", 'a"b']}}}
    ],
}


@pytest.fixture(scope="module")
def console(servers: object, home: Any) -> Iterator[Console]:
    found = Console(home)
    yield found
    found.end()


@pytest.fixture(scope="module")
def api(console: Console) -> httpx.Client:
    return console.start()


@pytest.fixture(scope="module")
def here(api: httpx.Client) -> Iterator[str]:
    """The path of an experiment that is published."""
    # Its own in each process that takes some of these tests.
    name = f"data-{uuid4().hex[:8]}"
    document = manifest(name, tables=[PEOPLE, ORDERS, FORMULA], parquet=None)
    done(api.post("/experiments", content=yaml.safe_dump(document), headers=YAML), 201)
    list(events(api, f"/experiments/{name}/runs/1/events"))
    yield f"/experiments/{name}"
    done(api.delete(f"/experiments/{name}"))


def test_rows_are_those_that_are_stored(api: httpx.Client, here: str) -> None:
    made = done(api.get(f"{here}/tables/people/rows", params={"offset": 2_490, "limit": 5}))
    sql = "SELECT * FROM people ORDER BY id OFFSET 2490 LIMIT 5"
    stored = done(api.post(f"{here}/query", json={"sql": sql}))
    assert made["rows"] == stored["rows"]
    assert made["columns"] == stored["columns"]
    assert (made["rowsTotal"], stored["cut"]) == (2_500, None)
    some: dict[str, Any] = {"columns": ["born", "id"], "limit": 1, "run": "1"}
    assert done(api.get(f"{here}/tables/people/rows", params=some))["rows"][0][1] == "1"


def test_references_lead_to_parents_and_back_to_children(api: httpx.Client, here: str) -> None:
    [up] = done(api.get(f"{here}/tables/orders/rows/7/parents"))
    assert up["reference"] == {
        "table": "orders", "columns": ["person"], "parent": "people", "key": ["id"]
    }  # fmt: skip
    [reference] = done(api.get(f"{here}/tables/people/references"))
    assert reference == up["reference"]
    down = done(
        api.get(
            f"{here}/tables/people/rows/{up['row']}/children",
            params={"child": "orders", "column": "person"},
        )
    )
    assert 7 in down["numbers"]
    assert down["cursor"] is None


def test_rows_of_a_table_that_no_disk_would_hold_are_shown(api: httpx.Client) -> None:
    column = {"name": "id", "type": "bigint", "generate": {"sequence": {}}}
    table = {"name": "numbers", "rows": 10**10, "columns": [column]}
    document = manifest("api-huge", tables=[table], parquet=None, suspend=True)
    created = api.post("/experiments", content=yaml.safe_dump(document), headers=YAML)
    assert done(created, 201)["run"] is None
    assert done(api.get("/experiments/api-huge"))["suspended"] is True
    path = "/experiments/api-huge/tables/numbers/rows"
    page = done(api.get(path, params={"offset": 7 * 10**9, "limit": 2}))
    assert page["rows"] == [["7000000001"], ["7000000002"]]
    beyond = done(api.get(path, params={"offset": 10**10}))
    assert beyond["rows"] == []
    assert "none from" in beyond["note"]
    done(api.delete("/experiments/api-huge", params={"purge": False}))


def test_csv_comes_by_a_ticket_of_one_use_and_is_what_is_stored(
    api: httpx.Client, console: Console, here: str
) -> None:
    sql = "SELECT text FROM notes"
    ticket = done(api.post(f"{here}/query", json={"sql": sql, "format": "csv"}), 201)
    address = str(api.base_url).removesuffix("/api/") + ticket["href"]
    answer = httpx.get(address)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    file = f"{here.rpartition('/')[2]}.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    stored = done(api.post(f"{here}/query", json={"sql": sql}))["rows"]
    assert list(csv.reader(io.StringIO(answer.text))) == [["text"], *stored]
    assert httpx.get(address).json()["reason"] == "TicketUnknown"


def test_what_is_wrong_with_a_query_is_told_before_its_csv(api: httpx.Client, here: str) -> None:
    asked = {"sql": "SELECT * FROM nothing", "format": "csv"}
    ticket = done(api.post(f"{here}/query", json=asked), 201)
    answer = httpx.get(str(api.base_url).removesuffix("/api/") + ticket["href"])
    assert done(answer, 422)["reason"] == "QueryRefused"


def test_a_query_is_cut_at_its_bounds_and_says_so(api: httpx.Client, here: str) -> None:
    endless = "SELECT generate_series(1, 1000000000000)"
    page = done(api.post(f"{here}/query", json={"sql": endless, "rows": 3}))
    assert (page["rows"], page["cut"]) == ([["1"], ["2"], ["3"]], "rows")
    slow = {"sql": "SELECT pg_sleep(60)", "seconds": 0.5}
    assert done(api.post(f"{here}/query", json=slow))["cut"] == "seconds"


def test_a_query_is_cancelled_by_its_id_and_by_who_asked_for_it_leaving(
    api: httpx.Client, database: Connection, here: str
) -> None:
    def running(text: str) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND pid <> %s"
        found = database.execute(query, (f"%{text}%", database.info.backend_pid)).fetchone()
        return found is not None and found[0] > 0

    def until(wanted: bool, text: str) -> None:
        for _ in range(600):
            if running(text) is wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f"{text} is running: {not wanted}")

    answers: list[httpx.Response] = []
    question = {"sql": "SELECT pg_sleep(601)", "id": "mine", "seconds": 600}
    asking = threading.Thread(
        target=lambda: answers.append(api.post(f"{here}/query", json=question))
    )
    asking.start()
    until(True, "pg_sleep(601)")
    assert api.delete(f"{here}/query/mine").status_code == 204
    asking.join()
    assert done(answers[0], 409)["reason"] == "Cancelled"
    assert done(api.delete(f"{here}/query/mine"), 404)["reason"] == "QueryUnknown"

    leaving = {"sql": "SELECT pg_sleep(602)", "seconds": 600}
    with pytest.raises(httpx.ReadTimeout):
        api.post(f"{here}/query", json=leaving, timeout=2)
    until(False, "pg_sleep(602)")


def test_queries_are_kept_by_name(api: httpx.Client, here: str) -> None:
    title = f"{here}/queries/big%20ones"
    kept = done(api.put(title, json={"sql": "SELECT 1"}))
    assert done(api.get(f"{here}/queries")) == [kept]
    assert api.delete(title).status_code == 204
    assert done(api.delete(title), 404)["reason"] == "QueryUnknown"
