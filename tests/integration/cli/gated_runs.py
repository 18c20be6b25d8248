"""Runs that stand at the gate after their first batch, attached and detached, and their deaths."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.integration.cli.commands import Commands, wait_until, workers
from tests.integration.gate import Gate
from tests.processes import living


@dataclass
class Detached:
    """Begins runs that outlive their command; those that still live are killed in the end."""

    commands: Commands
    processes: list[psutil.Process] = field(default_factory=list)

    def __call__(self, *words: str) -> tuple[psutil.Process, Any]:
        """Begin a run; its process, and what the command said as JSON."""
        done = self.commands("run", "--detach", "-o", "json", *words)
        assert done.code == 0, done.err
        return self.known(done.json["process"]), done.json

    def known(self, pid: int) -> psutil.Process:
        self.processes.append(psutil.Process(pid))
        return self.processes[-1]

    def end(self) -> None:
        for process in living(self.processes):
            process.kill()


@dataclass(frozen=True)
class GatedRuns:
    """Runs of the test's experiment that wait at the gate, one batch durable unless said."""

    ledger: str
    commands: Commands
    gate: Gate
    begin_detached: Detached

    def attached(self, *words: str, before: str | None = None) -> subprocess.Popen[str]:
        """`run` with these words; it waits, if said, before it turns to this state."""
        self._close(before)
        process = self.commands.start("run", *words)
        wait_until(lambda: self.gate.waiting(self.ledger), process)
        return process

    def detached(self, *words: str, before: str | None = None) -> psutil.Process:
        """As `attached`, of `run --detach`; the process of the run."""
        self._close(before)
        process, _ = self.begin_detached(*words)
        wait_until(lambda: self.gate.waiting(self.ledger))
        return process

    def kill(self, supervisor: subprocess.Popen[str] | psutil.Process) -> None:
        """Kill the run at work; its workers end by themselves."""
        at_work = workers(supervisor)
        assert at_work
        supervisor.kill()
        wait_until(lambda: not living(at_work))

    def _close(self, before: str | None) -> None:
        if before is None:
            self.gate.close_after(self.ledger, 1)
        else:
            self.gate.close_before(self.ledger, before)
