"""A run that lives through a restart of its servers is told as live, and is nobody else's."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from rowmill.engine.records import State
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Conflict
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised
from rowmill.local.servers.embedded import down, up
from tests.integration.cli.commands import wait_until
from tests.integration.cli.numbers import numbers
from tests.integration.experiments import manifest

# Not loaded by one worker before the test suspends it.
MANY = 60_000_000


def test_a_live_run_is_never_called_interrupted_and_is_not_lost_to_a_resume(
    name: str, own: Home
) -> None:
    engine = LocalEngine(own)
    content = manifest(name, tables=[numbers(MANY)], parquet=None)
    engine.apply(ApplyRequest(json.dumps(content), workers=1))
    over, states = Event(), set[State]()

    def look() -> None:
        while not over.is_set():
            states.add(engine.status(name).run.state)
            time.sleep(0.02)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            wait_until(lambda: states == {State.RUNNING})
            down(own)
            up(own)
            with pytest.raises(Conflict, match="is live") as refused:
                engine.resume(name)
        finally:
            over.set()
            looking.result()
            engine.suspend(name)
            # It would wait for the servers, which go with the test.
            wait_until(lambda: not is_supervised(own, name))
    assert refused.value.reason == "LiveRunElsewhere"
    assert states == {State.RUNNING}
