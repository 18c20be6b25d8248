"""Inject the faults of a schedule while runs come and go."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field

import psutil
import psycopg

from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded
from rowmill.local.servers.embedded import EmbeddedServers
from rowmill.plan.runs import RunState
from tests.chaos.crash import committed, crash, lost, stop_writing_behind
from tests.chaos.experiment import ChaosExperiment
from tests.chaos.fault_proxy import FaultProxy, ProxyFault
from tests.chaos.runs import AttachedRun, ChaosRun
from tests.chaos.schedule import Fault, Schedule
from tests.integration.gate import Gate

_IN_PROXY = {
    Fault.SLOW_S3: ProxyFault.SLOW,
    Fault.S3_500: ProxyFault.ERROR_500,
    Fault.S3_503: ProxyFault.ERROR_503,
    Fault.CUT_S3: ProxyFault.CUT,
}
_FAULT_SECONDS = 0.7
# For so long before a crash nothing reaches the disk but what a session waits for.
_UNWRITTEN_SECONDS = 0.3
_LOOK_SECONDS = 0.03


def connect(servers: EmbeddedServers) -> psycopg.Connection:
    """A connection of the test's own to the embedded Postgres."""
    server = servers.postgres
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.dbname,
        connect_timeout=5,
        application_name="chaos reader",
    )


@dataclass
class FaultInjector:
    """Injects faults in a thread of its own; `run` says which run is under way.

    `other_home` is one without servers. `dealt` holds those that hit something, `strikes` counts
    where each begins and where it ends, `lost` counts the batches that Postgres had committed and a
    crash took.
    """

    schedule: Schedule
    experiment: ChaosExperiment
    home: Home
    servers: EmbeddedServers
    proxy: FaultProxy
    run: Callable[[], ChaosRun | None]
    other_home: Home
    dealt: list[Fault] = field(default_factory=list)
    racers: list[ChaosRun] = field(default_factory=list)
    lost: int = 0
    strikes: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def start(self) -> None:
        self._work = self._pool.submit(self._deal)

    def end(self) -> None:
        """Deal no more, mend what is broken, and wait for the racing run.

        Raises:
            Exception: what kept a fault from being dealt.
        """
        self._over.set()
        self._pool.shutdown()
        self._work.result()
        self.proxy.fault = ProxyFault.NONE
        for racer in self.racers:
            with suppress(subprocess.TimeoutExpired):
                racer.end(120)

    def _deal(self) -> None:
        began = time.monotonic()
        for at, fault in self.schedule.faults:
            if self._over.wait(max(0.0, began + at - time.monotonic())):
                return
            self._deal_one(fault)
        for count, fault in self.schedule.crashes:
            if not self._wait_for_batches(count):
                return
            self._deal_one(fault)

    def _deal_one(self, fault: Fault) -> None:
        self.strikes += 1
        try:
            if self._strike(fault):
                self.dealt.append(fault)
        finally:
            self.strikes += 1

    def _wait_for_batches(self, count: int) -> bool:
        """Wait until so many batches of a run that loads are committed; False if none comes."""
        while not self._over.wait(_LOOK_SECONDS):
            with suppress(psycopg.Error), closing(connect(self.servers)) as connection:
                if any(len(batches) >= count for batches in committed(connection).values()):
                    return True
        return False

    def _strike(self, fault: Fault) -> bool:
        match fault:
            case Fault.KILL_WORKER:
                return self._kill_worker()
            case Fault.KILL_SUPERVISOR:
                return self._signal(signal.SIGKILL)
            case Fault.INTERRUPT:
                return self._signal(signal.SIGINT)
            case Fault.TERMINATE_BACKENDS:
                return self._terminate_backends()
            case Fault.RESTART_POSTGRES:
                return self._restart("postgres")
            case Fault.RESTART_S3:
                return self._restart("weed")
            case Fault.CRASH_POSTGRES:
                return self._crash()
            case Fault.CRASH_ALL:
                return self._crash(with_command=True)
            case Fault.CRASH_AT_END:
                return self._crash_at_end()
            case Fault.RACE:
                self.racers.append(AttachedRun(self.experiment))
                return True
            case Fault.OTHER_HOME:
                env = {"ROWMILL_HOME": str(self.other_home.path)}
                self.racers.append(AttachedRun(self.experiment, env=env))
                return True
            case Fault.HANG_UP:
                return self._hang_up()
            case Fault.RESTART_SERVERS:
                embedded.down(self.home)
                return embedded.up(self.home) == self.servers
            case Fault.ABORT:
                return self._abort()
            case _:
                return self._disturb(_IN_PROXY[fault])

    def _signal(self, number: signal.Signals) -> bool:
        supervisor = self._supervisor()
        if supervisor is None:
            return False
        with suppress(psutil.NoSuchProcess):
            supervisor.send_signal(number)
        return True

    def _hang_up(self) -> bool:
        run = self.run()
        return run is not None and run.hang_up()

    def _kill_worker(self) -> bool:
        supervisor = self._supervisor()
        if supervisor is None:
            return False
        with suppress(psutil.Error):
            for child in supervisor.children():
                # Not the shell that starts a server.
                if child.name() != "sh":
                    child.kill()
                    return True
        return False

    def _supervisor(self) -> psutil.Process | None:
        run = self.run()
        return None if run is None else run.supervisor

    def _terminate_backends(self) -> bool:
        with suppress(psycopg.Error), connect(self.servers) as connection:
            row = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name LIKE 'rowmill%'"
            ).fetchone()
            return row is not None and row[0] > 0
        return False

    def _restart(self, program: str) -> bool:
        """Kill a server as a crash would, and start it on its data again."""
        token = json.loads(self.home.servers_file.read_text())["token"]
        killed = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if program in process.name() and any(token in word for word in process.cmdline()):
                    process.kill()
                    killed.append(process)
        # One that is still dying would pass for a living one.
        psutil.wait_procs(killed, timeout=30)
        return embedded.up(self.home) == self.servers

    def _crash(self, *, with_command: bool = False) -> bool:
        """Crash Postgres with what it committed and had not on disk yet, and start it again."""
        try:
            connection = connect(self.servers)
        except psycopg.Error:
            return False
        connection.autocommit = True
        with closing(connection):
            stop_writing_behind(connection)
            self._over.wait(_UNWRITTEN_SECONDS)
            before = committed(connection)
            if with_command:
                self._signal(signal.SIGKILL)
            crash(connection)
        is_up = embedded.up(self.home) == self.servers
        with closing(connect(self.servers)) as connection:
            self.lost += lost(before, committed(connection))
        return is_up

    def _crash_at_end(self) -> bool:
        """Crash once a run has read that all is durable, amid what makes it FINALIZING.

        What was committed last must be on disk by that reading: the transition is tried again on
        the server that comes back, the reading is not.
        """
        with closing(connect(self.servers)) as connection:
            connection.autocommit = True
            # The very first run has not made the ledger yet.
            while connection.execute("SELECT to_regclass('rowmill.runs')").fetchone() == (None,):
                if self._over.wait(_LOOK_SECONDS):
                    return False
            gate = Gate(connection, lambda: connect(self.servers))
            gate.close_before("rowmill", RunState.FINALIZING)
            stop_writing_behind(connection)
            while not gate.waiting("rowmill"):
                if self._over.wait(_LOOK_SECONDS):
                    gate.remove("rowmill", "runs")
                    return False
            crash(connection)
        is_up = embedded.up(self.home) == self.servers
        with closing(connect(self.servers)) as connection:
            connection.autocommit = True
            Gate(connection, lambda: connection).remove("rowmill", "runs")
        return is_up

    def _abort(self) -> bool:
        command = [sys.executable, "-m", "rowmill", "abort", "-f", str(self.experiment.manifest)]
        done = subprocess.run(
            [*command, *self.experiment.secret_options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def _disturb(self, fault: ProxyFault) -> bool:
        self.proxy.fault = fault
        if fault is ProxyFault.CUT:
            self.proxy.cut_all()
        self._over.wait(_FAULT_SECONDS)
        self.proxy.fault = ProxyFault.NONE
        return True
