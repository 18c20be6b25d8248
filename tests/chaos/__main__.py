"""Run seeded fault schedules: nothing lost, nothing doubled, no reader ever sees a part of a run.

    python -m tests.chaos --schedules 200 --seed 1

Each schedule loads three tables while workers, supervisors and servers are killed and S3 answers
badly, runs the same command again until it succeeds, and then recomputes every row.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from rowmill.local import embedded
from rowmill.local.connections import connections
from rowmill.local.embedded import EmbeddedServers
from rowmill.local.home import Home
from rowmill.verify.report import Kind
from rowmill.worker import purge
from rowmill.worker.destinations import join
from tests.chaos.blows import Blows, connect, run_command
from tests.chaos.experiment import ChaosExperiment, write_experiment
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.readers import Reader, bucket_look, postgres_look
from tests.chaos.schedule import Schedule, schedule

# A run that is cut down again and again must still end well once the blows are over.
MAX_ATTEMPTS = 12
ATTEMPT_SECONDS = 180
# Refused (a run is live), failed, interrupted or aborted, or killed: try again.
RETRIABLE = {3, 4, 5, -9, -15, -2}


@dataclass
class Result:
    """How a schedule ended; `faults` holds what must never happen, `codes` the exit codes."""

    schedule: Schedule
    seconds: float = 0.0
    codes: list[int] = field(default_factory=list)
    dealt: int = 0
    lost: int = 0
    doubled: int = 0
    looks: int = 0
    sights: list[str] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.lost or self.doubled or self.sights or self.faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    arguments = parser.parse_args()
    home = Home(Path(tempfile.mkdtemp(prefix="rowmill-chaos-")))
    os.environ["ROWMILL_HOME"] = str(home.path)
    try:
        servers = embedded.up(home)
        seeds = range(arguments.seed, arguments.seed + arguments.schedules)
        results = [_round(schedule(seed), home, servers) for seed in seeds]
    finally:
        embedded.down(home)
        shutil.rmtree(home.path, ignore_errors=True)
    return _tell(results)


def _round(chosen: Schedule, home: Home, servers: EmbeddedServers) -> Result:
    result = Result(chosen)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(dir=home.path))
    proxy = FaultProxy(_address(servers.s3.endpoint))
    try:
        experiment = write_experiment(folder, chosen, servers, proxy.endpoint)
        _under_fire(result, experiment, home, servers, proxy)
        if not result.faults:
            _verify(result, experiment)
        _remove(experiment, home)
    finally:
        proxy.close()
        result.seconds = time.monotonic() - began
    verdict = "ok  " if result.passed else "FAIL"
    print(
        f"{verdict} {result.seconds:5.1f} s, exit codes {result.codes}, {result.dealt} blows hit, "
        f"{result.looks} looks: {chosen}",
        flush=True,
    )
    for text in [*result.faults, *result.sights[:3], *result.gave_up]:
        print(f"     {text}", flush=True)
    return result


def _under_fire(
    result: Result,
    experiment: ChaosExperiment,
    home: Home,
    servers: EmbeddedServers,
    proxy: FaultProxy,
) -> None:
    if experiment.before is not None:
        _attempt(result, run_command(experiment, str(experiment.before)))
        result.codes.clear()
    running: list[subprocess.Popen[bytes]] = []
    blows = Blows(
        result.schedule, experiment, home, servers, proxy, lambda: running[-1] if running else None
    )
    readers = _readers(result.schedule, experiment, servers)
    blows.start()
    try:
        for _ in range(MAX_ATTEMPTS):
            running.append(run_command(experiment))
            if _attempt(result, running[-1]) or result.faults:
                break
        else:
            result.faults.append(f"not complete after {MAX_ATTEMPTS} attempts")
    finally:
        blows.end()
        for reader in readers:
            reader.close()
    result.dealt = len(blows.dealt)
    result.looks = sum(reader.looks for reader in readers)
    result.sights = [sight for reader in readers for sight in reader.sights]


def _attempt(result: Result, command: subprocess.Popen[bytes]) -> bool:
    """Wait for a run command; whether it completed. An exit code without a reason is a fault."""
    try:
        _, errors = command.communicate(timeout=ATTEMPT_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()
        result.faults.append(f"a run hung for {ATTEMPT_SECONDS} s")
        return False
    result.codes.append(command.returncode)
    if command.returncode == 0:
        return True
    text = errors.decode(errors="replace").strip()
    if command.returncode not in RETRIABLE or "Traceback" in text:
        result.faults.append(f"exit code {command.returncode}: {text[-2000:]}")
    elif command.returncode == 4 or (command.returncode == 3 and "live" not in text):
        # Every blow passes: a run that gives up on one is not patient enough.
        result.gave_up.append(text[-300:])
    if command.returncode in (3, 4):
        # Whoever waits for a lock to fall or a server to come up tries again a little later.
        time.sleep(0.5)
    return False


def _readers(
    chosen: Schedule, experiment: ChaosExperiment, servers: EmbeddedServers
) -> list[Reader]:
    readers = []
    counts = experiment.counts()
    if chosen.postgres:
        look = postgres_look(lambda: connect(servers), experiment.name, counts)
        readers.append(Reader(look))
    if chosen.parquet:
        client = boto3.client(
            "s3",
            endpoint_url=servers.s3.endpoint,
            aws_access_key_id=servers.s3.access_key,
            aws_secret_access_key=servers.s3.secret_key,
            region_name=servers.s3.region,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        prefix = f"{experiment.name}/"
        readers.append(Reader(bucket_look(client, servers.s3.bucket, prefix, counts)))
    return readers


def _verify(result: Result, experiment: ChaosExperiment) -> None:
    report = experiment.load().verify()
    found = [each for table in report.tables for each in table.comparisons]
    result.lost = sum(each.counts.get(Kind.LOST, 0) for each in found)
    result.doubled = sum(each.counts.get(Kind.DOUBLED, 0) for each in found)
    if not report.identical:
        result.faults.append(f"verify found differences: {report.to_json()}")


def _remove(experiment: ChaosExperiment, home: Home) -> None:
    spec = experiment.load().spec
    destinations = join(spec, connections(spec, experiment.secrets, home))
    try:
        purge.delete(destinations)
    finally:
        destinations.close()


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _tell(results: list[Result]) -> int:
    failed = [result for result in results if not result.passed]
    seconds = statistics.median(result.seconds for result in results)
    print(
        f"rows lost: {sum(r.lost for r in results)}, "
        f"rows doubled: {sum(r.doubled for r in results)}, "
        f"readers that saw a part of a run: {sum(bool(r.sights) for r in results)} "
        f"(of {sum(r.looks for r in results)} looks); "
        f"blows that hit: {sum(r.dealt for r in results)}; "
        f"median of a schedule: {seconds:.1f} s"
    )
    if failed:
        print("failed seeds:", ", ".join(str(result.schedule.seed) for result in failed))
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
