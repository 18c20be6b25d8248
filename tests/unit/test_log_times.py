"""The time of a line of a log has one form, in UTC, wherever the process runs."""

from __future__ import annotations

import logging
import time

import pytest

from rowmill.engine.json_records import time_from_json, time_to_json
from rowmill.log_times import UtcFormatter


def test_a_logs_time_is_that_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    record = logging.makeLogRecord(
        {"levelname": "INFO", "msg": "so", "created": 1_796_065_690.263711}
    )
    said = UtcFormatter("%(asctime)s %(levelname)s %(message)s").format(record)
    monkeypatch.undo()
    time.tzset()
    stamp, _, rest = said.partition(" ")
    assert (stamp, rest) == ("2026-11-30T19:08:10.263711Z", "INFO so")
    read = time_from_json(stamp)
    assert read is not None
    assert time_to_json(read) == stamp


def test_a_whole_second_has_its_fraction_too() -> None:
    record = logging.makeLogRecord({"created": 1_796_065_690.0})
    assert UtcFormatter().formatTime(record) == "2026-11-30T19:08:10.000000Z"
