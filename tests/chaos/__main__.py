"""Run seeded fault schedules: nothing lost, nothing doubled, no reader ever sees a part of a run.

    python -m tests.chaos --schedules 200 --seed 1

    python -m tests.chaos --schedules 30 --crashes

Each schedule loads three tables while workers, supervisors and servers are killed and S3 answers
badly, runs the same command again until it succeeds, and then recomputes every row. With --crashes
it is Postgres that is killed, with all that it had committed and not written yet.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from rowmill.local.connections import find_connections
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded
from rowmill.local.servers.embedded import EmbeddedServers
from rowmill.worker.destinations import open_destinations
from rowmill.worker.removal import purge
from tests.chaos.experiment import ChaosExperiment, write_experiment
from tests.chaos.fault_injector import FaultInjector, connect
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.readers import Reader, bucket_look, postgres_look
from tests.chaos.runs import AttachedRun, ChaosRun, DetachedRun
from tests.chaos.schedule import Schedule, crashes, schedule
from tests.chaos.users import Users
from tests.chaos.verdict import Verdict, report
from tests.chaos.watcher import Watcher

# A run that is cut down again and again must still end well once the faults are over.
MAX_ATTEMPTS = 12
ATTEMPT_SECONDS = 180
# Refused (a run is live), failed, interrupted or aborted, or killed: try again.
RETRIABLE = {3, 4, 5, -9, -15, -2}
# What no fault explains: a defect, or rows that were said to be durable and are not there.
LOSSES = ("Traceback", "somebody changed it during the load")


@dataclass
class Result(Verdict):
    """How a schedule ended: the exit codes of its commands, and how many faults hit.

    `taken` counts the committed batches that crashes took.
    """

    schedule: Schedule
    codes: list[int] = field(default_factory=list)
    dealt: int = 0
    gave_up: list[str] = field(default_factory=list)
    taken: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument(
        "--crashes", action="store_true", help="kill Postgres with what it had not written"
    )
    arguments = parser.parse_args()
    home = Home(Path(tempfile.mkdtemp(prefix="rowmill-chaos-")))
    os.environ["ROWMILL_HOME"] = str(home.path)
    try:
        servers = embedded.up(home)
        seeds = range(arguments.seed, arguments.seed + arguments.schedules)
        chosen = crashes if arguments.crashes else schedule
        results = [_round(chosen(seed), home, servers) for seed in seeds]
    finally:
        embedded.down(home)
        shutil.rmtree(home.path, ignore_errors=True)
    played = [(result.schedule, result) for result in results]
    if arguments.crashes:
        taken = sum(result.taken for result in results)
        print(f"batches that Postgres had committed and a crash took: {taken}")
        if not taken:
            print("no crash took any: these schedules show nothing")
            return 1
    return report(played, dealt=sum(result.dealt for result in results))


def _round(chosen: Schedule, home: Home, servers: EmbeddedServers) -> Result:
    result = Result(chosen)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(dir=home.path))
    proxy = FaultProxy(_address(servers.s3.endpoint))
    try:
        experiment = write_experiment(folder, chosen, servers, proxy.endpoint)
        _under_fire(result, experiment, home, servers, proxy)
        if not result.violations:
            result.verify(experiment)
        _remove(experiment, home)
    finally:
        proxy.close()
        result.seconds = time.monotonic() - began
    verdict = "ok  " if result.passed else "FAIL"
    print(
        f"{verdict} {result.seconds:5.1f} s, exit codes {result.codes}, {result.dealt} faults hit, "
        f"{result.taken} committed batches taken, {result.looks} looks: {chosen}",
        flush=True,
    )
    for text in [*result.violations, *result.sights[:3], *result.gave_up]:
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
        _attempt(result, AttachedRun(experiment, manifest=str(experiment.before)))
        result.codes.clear()
    users = _users(result.schedule, experiment, servers)
    running: list[ChaosRun] = []
    other_home = Home(experiment.manifest.parent / "other home")
    injector = FaultInjector(
        result.schedule,
        experiment,
        home,
        servers,
        proxy,
        lambda: running[-1] if running else None,
        other_home,
    )
    readers = _readers(result.schedule, experiment, servers)
    readers += [Reader(user.look) for user in users]
    watcher = Watcher(
        LocalEngine(other_home, {experiment.name: experiment.source()}),
        experiment.name,
        lambda: injector.strikes,
    )
    readers.append(Reader(watcher.look))
    begin = DetachedRun if result.schedule.detached else AttachedRun
    injector.start()
    try:
        for _ in range(MAX_ATTEMPTS):
            running.append(begin(experiment))
            if _attempt(result, running[-1]) or result.violations:
                break
        else:
            result.violations.append(f"not complete after {MAX_ATTEMPTS} attempts")
    finally:
        injector.end()
        for user in users:
            user.leave()
        for reader in readers:
            reader.close()
    for user in users:
        result.violations += user.missed()
        user.forget()
    result.dealt = len(injector.dealt)
    result.taken = injector.lost
    result.looks = sum(reader.looks for reader in readers)
    result.sights = [sight for reader in readers for sight in reader.sights]
    result.sights += watcher.final()


def _attempt(result: Result, run: ChaosRun) -> bool:
    """Wait for a run; whether it completed. An exit code without a reason violates."""
    try:
        code, text = run.end(ATTEMPT_SECONDS)
    except subprocess.TimeoutExpired:
        result.violations.append(f"a run hung for {ATTEMPT_SECONDS} s")
        return False
    result.codes.append(code)
    if any(each in text for each in LOSSES):
        result.violations.append(f"exit code {code}: {text[-2000:]}")
        return False
    if code == 0:
        return True
    live = code == 2 and "is live" in text
    if code not in RETRIABLE and not live:
        result.violations.append(f"exit code {code}: {text[-2000:]}")
    elif code in (3, 4):
        # Every fault passes: a run that gives up on one is not patient enough.
        result.gave_up.append(text[-300:])
    if live or code in (3, 4):
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


def _users(chosen: Schedule, experiment: ChaosExperiment, servers: EmbeddedServers) -> list[Users]:
    """Somebody who has put things on the published tables of the earlier run."""
    if not chosen.postgres or not chosen.replaces:
        return []
    user = Users(lambda: connect(servers), experiment.name, chosen.seed)
    user.come()
    return [user]


def _remove(experiment: ChaosExperiment, home: Home) -> None:
    spec = experiment.load().spec
    destinations = open_destinations(spec, find_connections(spec, experiment.secrets, home))
    try:
        purge.delete(destinations)
    finally:
        destinations.close()


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


if __name__ == "__main__":
    sys.exit(main())
