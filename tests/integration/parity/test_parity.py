"""Each cell of the command line, and Python's of one machine, called as the table has it.

In a home of its own, whose servers go up and down, each face goes through all that an experiment
meets: begun, looked at, stopped, resumed, compared, removed. A cell that nothing calls fails it.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rowmill
from rowmill.cli.app import app
from rowmill.engine.records import State
from rowmill.errors import Unsupported
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import exports, up
from tests.integration.cli.commands import Commands, Done, wait_until
from tests.integration.gate import Gate
from tests.integration.parity.conftest import LEDGER, gate_in
from tests.parity.calling import Cells, evaluated
from tests.parity.cells import Call


def _owner(commands: Commands, name: str) -> str:
    """By which its tables are adopted, as its trace tells."""
    return str(commands("trace", name, "people", "3", "-o", "json").json["owner"])


def _expected(done: Done, said: str, code: int) -> Done:
    assert done.code == code, done.err
    assert said in done.out, done.out
    return done


@dataclass
class Line:
    """The command line: `said` is what it is expected to say."""

    commands: Commands
    owner: str = ""
    cells: Cells = field(default_factory=lambda: Cells("cli"))

    def __call__(self, ability: str, said: str = "", *, code: int = 0) -> Done:
        words = self._words(ability)
        if words[0] == "run":
            # Its workers are forked from a process that has nothing else.
            return _expected(self.commands(*words), said, code)
        done = CliRunner().invoke(app, words)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return _expected(Done(done.exit_code, done.stdout, done.stderr), said, code)

    def start(self, ability: str) -> Any:
        return self.commands.start(*self._words(ability))

    def stopped_at(self, gate: Gate, ability: str, said: str) -> None:
        """Stop the run that stands at the gate: its batch ends first, and no other begins."""
        wait_until(lambda: gate.waiting(LEDGER))
        stopping = self.start(ability)
        wait_until(lambda: gate.is_fencing(LEDGER), stopping)
        gate.remove(LEDGER, "batches")
        _expected(self.commands.finish(stopping), said, 0)

    def _words(self, ability: str) -> list[str]:
        program, *words = shlex.split(self.cells.take(ability).text.replace("OWNER", self.owner))
        assert program == "rowmill"
        return words


def test_the_command_line_does_all_that_the_table_says(home: Home, commands: Commands) -> None:
    line = Line(commands)
    line("which release this is", "rowmill ")
    line("the manifest's JSON Schema, for an editor", '"$defs"')
    line("the CustomResourceDefinition", "kind: CustomResourceDefinition")
    line("say all that is wrong with a manifest", "shop")
    line("see parts, bytes and memory of a run before it", "people")
    line("see rows before any are stored", "people")
    line("see those in the middle, however far", "people (3,000 rows, from row 1,000)")
    line("start the embedded servers", "Postgres: ")
    line("where they are, for psql and S3 tools", "export PGHOST=")
    servers = up(home)
    commands.secret("warehouse", exports(servers))
    line("with the secrets that it names", "run 1 is complete")
    line.owner = _owner(commands, "own")
    line("take over the tables of another owner", "run 1 is complete")
    line("with another scale or seed than the manifest's", "1,500 rows")
    line("run it, and wait here for its end", "run 3 is complete")
    line("with other workers and batches", "nothing to do")
    line("after each run (`verify: AfterRun` in the manifest)", "identical")

    line("list the experiments", "verified")
    line("how far a run is, table by table", "people")
    assert line("the same as JSON, for programs").json["state"] == State.COMPLETED
    line("watch it to its end, and end as it does", "COMPLETED")
    line("the runs that one has had", "replaced by")
    line("the runs of all", "verified")
    line("what a run said", "run 3 of shop")
    line("what an earlier run said", "run 1 of shop")
    line("an error, as a program reads it", '"ExperimentUnknown"', code=2)
    line("make all rows again, and compare", "Identical")
    line("the same by the manifest, whoever ran it", "Identical")
    line("where a stored row comes from", "as it was made")
    line("ask Postgres", "3000")
    line("have the answer as CSV, in pieces", "id,")

    with gate_in(servers) as gate:
        gate.close_after(LEDGER, 1)
        line("make the next run, though nothing has changed", "the next run of shop starts")
        following = line.start("what it says, to its end")
        line.stopped_at(gate, "stop a run that is to go on later", "suspended")
        assert "run 4 of shop" in commands.finish(following).out
        gate.close_after(LEDGER, 2)
        line("go on with a stopped run", "run 4 of shop is being resumed")
        line.stopped_at(gate, "end a run", "aborted")
    line("and wait for its end, but not for ever", "COMPLETED")
    line("and wait for the next run's end", "COMPLETED")
    line("and drop what is unfinished", "run 6 is complete")
    line("also if that drops what is unfinished", "the next run of shop starts")
    assert commands("status", "shop", "-w").code == 0
    line("remove the data, and keep the records", "removed 1 table")
    line("begin it in the background", "run 8")
    assert commands("status", "shop", "-w").code == 0
    line("forget it, and keep the data", "is forgotten here; its data and records stay")
    assert commands("runs", "-f", "shop.yaml", "-o", "json").json[-1]["state"] == State.COMPLETED
    assert commands("run", "-f", "shop.yaml").code == 0
    line("remove data and records", "removed 1 table")
    serving = line.start("serve the REST API")
    assert serving.stdout.readline().startswith("The API is at http://127.0.0.1:")
    serving.send_signal(signal.SIGINT)
    assert commands.finish(serving).code == 0
    line("stop them", "stopped")
    assert line.cells.left == {}


@dataclass
class Expression:
    """Python, with the names that the table's head explains."""

    names: Mapping[str, Any]
    cells: Cells = field(default_factory=lambda: Cells("python"))

    def __call__(self, ability: str) -> Any:
        call = self.cells.take(ability)
        text = call.text.replace("OWNER", str(self.names["owner"]))
        return evaluated(Call(text), **self.names)

    def stopped_at(self, gate: Gate, ability: str) -> Any:
        """Stop the run that stands at the gate: its batch ends first, and no other begins."""
        wait_until(lambda: gate.waiting(LEDGER))
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(self, ability)
            wait_until(lambda: gate.is_fencing(LEDGER))
            gate.remove(LEDGER, "batches")
            return stopping.result()

    def begin(self, **names: Any) -> None:
        self.names = {**self.names, **names}


def test_python_does_all_that_the_table_says(home: Home, commands: Commands) -> None:
    servers = up(home)
    commands.secret("warehouse", exports(servers))
    engine = rowmill.local_engine()
    text = Path("shop.yaml").read_text()
    python = Expression({"engine": engine, "manifest": text, "owner": ""})
    assert python("which release this is") == rowmill.__version__
    own = python("with the secrets that it names")
    assert own.run().run.number == 1
    shop = python("say all that is wrong with a manifest")
    python.begin(shop=shop, owner=_owner(commands, "own"))
    assert python("see rows before any are stored").num_rows == 10
    assert python("see those in the middle, however far")["id"][0].as_py() == 1_001
    assert python("take over the tables of another owner").run.number == 1
    assert python("with another scale or seed than the manifest's").tables == {"people": 1_500}
    assert python("run it, and wait here for its end").run.number == 1
    assert python("with other workers and batches").run.number == 1
    assert python("and drop what is unfinished").run.number == 2
    assert python("after each run (`verify: AfterRun` in the manifest)").identical

    assert [each.name for each in python("list the experiments").items] == [
        "own",
        "shop",
        "verified",
    ]
    assert [each.name for each in python("find some of them, page by page").items] == ["shop"]
    assert python("the manifest that one has, and its version").manifest == text
    assert python("how far a run is, table by table").tables[0].rows == 3_000
    assert python("how far an earlier run came").run.replaced_by == 2
    assert python("watch it to its end, and end as it does")[-1].run.state is State.COMPLETED
    assert python("the same as JSON, for programs")["rows"] == 3_000
    assert [run.number for run in python("the runs that one has had")] == [1, 2]
    assert {run.experiment for run in python("the runs of all")} >= {"shop", "verified"}
    assert python("the words to type for one of these") == "rowmill resume shop"
    assert python("the time by which runs are timed").tzinfo is not None
    for ability in ("what a run said", "what it says, to its end", "what an earlier run said"):
        assert any(" of shop, " in line.text for line in python(ability))
    with pytest.raises(Unsupported, match="one log, of all its shards"):
        python("what one shard said")
    with pytest.raises(rowmill.RowmillError, match="no experiment 'nobody' was run here"):
        python("an error, as a program reads it")
    assert python("make all rows again, and compare").identical
    assert python("the same by the manifest, whoever ran it").identical
    assert python("the tables and their keys") == {"people": ["id"]}
    assert python("where a stored row comes from").identical
    assert python("ask Postgres") == [("3000",)]
    assert python("have the answer as CSV, in pieces").count(b"\n") == 3_001
    assert python("keep a query by a name").sql == "TABLE people"
    assert [one.name for one in python("the queries that are kept")] == ["all"]
    assert python("forget one of them") is None
    assert python("the manifest that a past run was of") == text

    assert python("try that out, and begin nothing") is None
    assert python("only if nobody has changed it since one looked") is None
    with gate_in(servers) as gate:
        gate.close_after(LEDGER, 1)
        assert python("make the next run, though nothing has changed").number == 3
        suspended = python.stopped_at(gate, "stop a run that is to go on later")
        assert suspended.state is State.SUSPENDED
        gate.close_after(LEDGER, 2)
        assert python("go on with a stopped run").number == 3
        assert python.stopped_at(gate, "end a run").state is State.ABORTED
    assert python("begin it in the background").number == 3
    assert [*engine.watch("shop")][-1].run.state is State.COMPLETED
    assert python("also if that drops what is unfinished").number == 4
    assert [*engine.watch("shop")][-1].run.state is State.COMPLETED
    assert "removed 1 table" in python("remove the data, and keep the records").message
    assert python("begin it by the manifest's text, on either engine").number == 5
    assert [*engine.watch("shop")][-1].run.state is State.COMPLETED
    assert "is forgotten here" in python("forget it, and keep the data")
    assert shop.run().repeat
    assert "removed 1 table" in python("remove data and records")
    # Only a cluster has these: tests/unit/parity calls them.
    assert [name for name, call in python.cells.left.items() if call.only != "a cluster"] == []
