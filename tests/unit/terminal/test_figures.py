"""Figures as people read them."""

import pytest

from rowmill.terminal import figures


def test_counts() -> None:
    assert figures.count(1234567) == "1,234,567"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes(number: float, text: str) -> None:
    assert figures.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0.44, "0.4 s"),
        (59.94, "59.9 s"),
        (59.96, "1m00s"),
        (245, "4m05s"),
        (3720, "1h02m"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


def test_how_far_something_is() -> None:
    assert figures.durable(70, 1_000) == "70 of 1,000 rows durable"
    assert figures.count_of(1_000, 1_000) == figures.count_of(1_000, None) == "1,000"
    assert figures.count_of(70, 1_000) == "70 of 1,000"


def test_rates() -> None:
    assert figures.rate(9_999) == "9,999 rows/s"
    assert figures.rate(412_345) == "412 k rows/s"
