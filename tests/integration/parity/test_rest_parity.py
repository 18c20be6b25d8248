"""Each cell of REST's column, called as the table has it, on a console in a home of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports, up
from tests.integration.cli.commands import Commands, wait_until
from tests.integration.console.calls import YAML, done, events
from tests.integration.console.conftest import Console
from tests.integration.experiments import ORDERS, PEOPLE, manifest
from tests.integration.gate import Gate
from tests.integration.parity.conftest import LEDGER, gate_in
from tests.parity.calling import Cells, request

PEOPLE_ROWS = 3_000
TABLES = [{**PEOPLE, "rows": PEOPLE_ROWS}, ORDERS]


@pytest.fixture
def servers(home: Home) -> EmbeddedServers:
    return up(home)


@pytest.fixture
def rest(
    home: Home, commands: Commands, servers: EmbeddedServers, tmp_path: Path
) -> Iterator[Rest]:
    target = {"schema": "shop", "secretName": "warehouse"}
    commands.file(manifest("shop", tables=TABLES, parquet=None), "shop.yaml")
    commands.file(manifest("own", tables=TABLES, parquet=None, postgres=target), "own.yaml")
    verified = manifest("verified", tables=TABLES, parquet=None, verify="AfterRun")
    commands.file(verified, "verified.yaml")
    console = Console(home, (commands.secret("warehouse", exports(servers)),))
    yield Rest(console.start(), tmp_path)
    console.end()


@dataclass
class Rest:
    """REST; `owner` and `etag` stand for the words of the table."""

    api: httpx.Client
    folder: Path
    owner: str = ""
    etag: str = ""
    cells: Cells = field(default_factory=lambda: Cells("rest"))

    def __call__(self, ability: str, status: int = 200) -> httpx.Response:
        answer = self._send(self.cells.take(ability).text)
        assert answer.status_code == status, answer.text
        return answer

    def json(self, ability: str, status: int = 200) -> Any:
        return done(self(ability, status), status)

    def events(self, ability: str) -> list[tuple[str, Any]]:
        said = request(self.cells.take(ability).text)
        return [*events(self.api, f"{said.path}{said.query}")]

    def ended(self, name: str = "shop") -> Any:
        """The newest run, once it has ended."""
        *_, (_, progress), (kind, _) = events(self.api, f"/experiments/{name}/runs/newest/events")
        assert kind == "end"
        return progress

    def stopped_at(self, gate: Gate, ability: str) -> Any:
        """Stop the run that stands at the gate: its batch ends first, and no other begins."""
        wait_until(lambda: gate.waiting(LEDGER))
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(self.json, ability)
            wait_until(lambda: gate.is_fencing(LEDGER))
            gate.remove(LEDGER, "batches")
            return stopping.result()

    def until_it_is_there(self, ability: str, status: int) -> None:
        """Call again while there is no such thing yet."""
        text = self.cells.take(ability).text
        while (answer := self._send(text)).status_code == 404:
            time.sleep(0.05)
        assert answer.status_code == status, answer.text

    def _send(self, text: str) -> httpx.Response:
        said = request(text.replace("OWNER", self.owner).replace("ETAG", self.etag))
        headers, content = {}, None
        if said.etag is not None:
            headers["If-Match"] = said.etag
        if said.body is not None:
            is_file = said.body.endswith(".yaml")
            content = (self.folder / said.body).read_text() if is_file else said.body
            headers |= YAML if is_file else {"Content-Type": "application/json"}
        return self.api.request(
            said.verb, f"{said.path}{said.query}", content=content, headers=headers
        )


def test_rest_does_all_that_the_table_says(rest: Rest, servers: EmbeddedServers) -> None:
    for steps in (_before_a_run, _beginnings, _looks, _data):
        steps(rest)
    _changes(rest, servers)
    # One machine has one log, of all shards.
    assert rest.json("what one shard said", 501)["reason"] == "NoShardLogs"
    assert rest.cells.left == {}


def _before_a_run(rest: Rest) -> None:
    assert rest.json("which release this is")["info"]["title"] == "Rowmill"
    assert "$defs" in rest.json("the manifest's JSON Schema, for an editor")
    assert rest.json("say all that is wrong with a manifest")["tables"] == 2
    assert rest.json("see parts, bytes and memory of a run before it")["workers"] == 1
    assert len(rest.json("see rows before any are stored")[0]["rows"]) == 10
    assert rest.json("see those in the middle, however far")[0]["rows"][0][0] == "1001"
    assert rest.json("an error, as a program reads it", 404)["reason"] == "ExperimentUnknown"


def _beginnings(rest: Rest) -> None:
    assert rest.json("with the secrets that it names", 201)["run"]["number"] == 1
    rest.ended("own")
    traced = done(rest.api.get("/experiments/own/trace/people?key=3"))
    assert rest.json("try that out, and begin nothing")["run"] is None
    rest.owner = traced["owner"]
    assert rest.json("take over the tables of another owner", 201)["run"]["number"] == 1
    rest.ended()
    assert "removed 2 tables" in rest.json("remove data and records")["message"]
    scaled = rest.json("with another scale or seed than the manifest's", 201)
    assert (scaled["run"]["scale"], scaled["run"]["seed"]) == ("0.5", 7)
    rest.ended()
    begun = rest.json("begin it by the manifest's text, on either engine")
    assert begun["run"]["number"] == 2
    rest.ended()
    assert rest.json("with other workers and batches")["run"] is None
    rest.etag = rest("the manifest that one has, and its version").headers["etag"]
    assert rest.json("only if nobody has changed it since one looked")["run"] is None
    assert rest.json("and drop what is unfinished")["run"]["number"] == 3
    rest.ended()
    rest.json("after each run (`verify: AfterRun` in the manifest)", 201)
    assert rest.ended("verified")["verification"]["identical"]


def _looks(rest: Rest) -> None:
    assert _names(rest.json("list the experiments")) == ["own", "shop", "verified"]
    assert _names(rest.json("find some of them, page by page")) == ["shop"]
    assert rest.json("how far a run is, table by table")["tables"][0]["rows"] == PEOPLE_ROWS
    assert rest.json("how far an earlier run came")["replacedBy"] == 2
    kind, last = rest.events("watch it to its end, and end as it does")[-2]
    assert (kind, last["state"]) == ("progress", "COMPLETED")
    assert rest.json("the same as JSON, for programs")["progress_pct"] == 100
    runs = rest.json("the runs that one has had")["items"]
    assert [run["number"] for run in runs] == [1, 2, 3]
    assert "run 3 of shop" in rest("what a run said").text
    lines = rest.events("what it says, to its end")
    assert any("run 3 of shop" in line["text"] for kind, line in lines if kind == "line")
    assert "run 1 of shop" in rest("what an earlier run said").text


def _data(rest: Rest) -> None:
    assert rest.json("make all rows again, and compare")["identical"]
    assert rest.json("where a stored row comes from")["identical"]
    made = rest.json("rows that an experiment has, made on the spot")
    assert [row[0] for row in made["rows"]] == [str(2_001 + n) for n in range(5)]
    (parent,) = rest.json("the rows that a row refers to")
    assert parent["page"]["table"] == "people"
    (reference,) = rest.json("by what rows of a table are referred to")
    assert (reference["table"], reference["columns"]) == ("orders", ["person"])
    children = rest.json("the rows that refer to a row")
    assert {row[0] for row in children["rows"]} <= {"4"}
    assert rest.json("ask Postgres")["rows"] == [[str(PEOPLE_ROWS)]]
    ticket = rest.json("have the answer as CSV, in pieces", 201)["href"]
    assert rest.api.get(ticket.removeprefix("/api")).text.count("\n") == PEOPLE_ROWS + 1
    _cancelled(rest)
    assert rest.json("keep a query by a name")["sql"] == "TABLE people"
    assert [one["name"] for one in rest.json("the queries that are kept")] == ["all"]
    rest("forget one of them", 204)
    text = (rest.folder / "shop.yaml").read_text()
    assert rest("the manifest that a past run was of").text == text


def _cancelled(rest: Rest) -> None:
    long = {"sql": "SELECT count(*) FROM people a, people b, people c", "id": "long"}
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(rest.api.post("/experiments/shop/query", json=long))
    )
    asking.start()
    rest.until_it_is_there("end a query that takes too long", 204)
    asking.join()
    assert done(answers[0], 409)["reason"] == "Cancelled"


def _changes(rest: Rest, servers: EmbeddedServers) -> None:
    with gate_in(servers) as gate:
        gate.close_after(LEDGER, 1)
        assert rest.json("make the next run, though nothing has changed")["number"] == 4
        suspended = rest.stopped_at(gate, "stop a run that is to go on later")
        assert suspended["state"] == "SUSPENDED"
        gate.close_after(LEDGER, 2)
        assert rest.json("go on with a stopped run")["number"] == 4
        aborted = rest.stopped_at(gate, "end a run")
        assert (aborted["state"], aborted["message"]) == ("ABORTED", "aborted by `abort`")
    refused = done(rest.api.post("/experiments/shop/rerun"), 409)
    assert refused["detail"].endswith(
        "go on with it: POST /api/experiments/shop/resume, or add restart=true to drop them"
    )
    assert rest.json("also if that drops what is unfinished", 201)["number"] == 5
    assert rest.ended()["state"] == "COMPLETED"
    assert "removed 2 tables" in rest.json("remove the data, and keep the records")["message"]
    assert "is forgotten here" in rest.json("forget it, and keep the data")["message"]
    assert rest.json("begin it in the background", 201)["run"]["number"] == 6
    assert rest.ended()["state"] == "COMPLETED"


def _names(page: Any) -> list[str]:
    return [each["name"] for each in page["items"]]
