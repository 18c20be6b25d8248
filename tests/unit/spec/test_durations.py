"""Durations are read exactly into microseconds, by the CRD's pattern."""

from __future__ import annotations

import pytest

from rowmill.spec.values.durations import LONGEST, duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("90d", 90 * 86_400_000_000),
        ("1h30m", 5_400_000_000),
        ("5s", 5_000_000),
        ("1.5h", 5_400_000_000),
        ("250ms", 250_000),
        ("0s", 0),
        ("0.001ms", 1),
        ("1d1h1m1s1ms", 90_061_001_000),
        ("0.1s0.2s", 300_000),
        ("30m1h", 5_400_000_000),
        ("9223372036854.775807s", LONGEST),
    ],
)
def test_durations(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0s"),
        (90 * 86_400_000_000, "90d"),
        (5_400_000_000, "1h30m"),
        (250_000, "250ms"),
        (1, "0.001ms"),
        (90_061_001_500, "1d1h1m1s1.5ms"),
        (LONGEST, "106751991d4h54s775.807ms"),
    ],
)
def test_a_duration_is_written_as_it_is_read(microseconds: int, text: str) -> None:
    assert duration_text(microseconds) == text
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "5 s",
        "-5s",
        "+5s",
        "5S",
        "5sec",
        ".5s",
        "5.s",
        "1e3s",
        "5s\n",
        "٥s",
        "1" * 64 + "d",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write for example"):
        parse_duration(text)


def test_what_no_timestamp_can_hold() -> None:
    with pytest.raises(ValueError, match="finer than a microsecond"):
        parse_duration("0.0001ms")
    with pytest.raises(ValueError, match="too long a duration"):
        parse_duration("9223372036854.775808s")
