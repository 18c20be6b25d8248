"""What a server's Date header tells, and what is taken for nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rowmill.http_dates import server_time


def test_a_date_is_the_servers_time() -> None:
    assert server_time("Thu, 01 Jan 2026 00:02:03 GMT") == datetime(2026, 1, 1, 0, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 01 Jan 2026 00:02:03 -0000"])
def test_what_tells_no_moment_is_nothing(date: str | None) -> None:
    assert server_time(date) is None
