"""Scalars mean what go-yaml v2, and so kubectl, reads; each row follows its resolve.go."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rowmill.spec.yaml.scalars import plain_scalar


@pytest.mark.parametrize("text", ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "TRUE"])
def test_words_that_are_true(text: str) -> None:
    assert plain_scalar(text) is True


@pytest.mark.parametrize(
    "text", ["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False"]
)
def test_words_that_are_false(text: str) -> None:
    assert plain_scalar(text) is False


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_words_that_are_null(text: str) -> None:
    assert plain_scalar(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("1_000", 1000),
        ("1__0", 10),
        ("0x1F", 31),
        ("-0X1f", -31),
        ("0b101", 5),
        ("-0b11", -3),
        ("017", 15),
        ("0o17", 15),
        ("00", 0),
        ("089", 89),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e6", 1_000_000),
        ("1E+3", 1000),
        ("40.0", 40),
        ("1.", 1),
        ("-0.0", 0),
        ("1e18", 10**18),
    ],
)
def test_integers(text: str, value: int) -> None:
    read = plain_scalar(text)
    assert type(read) is int
    assert read == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.02", "0.02"),
        (".5", "0.5"),
        (".5_5", "0.55"),
        ("+.5", "0.5"),
        ("-1.25e-3", "-0.00125"),
        ("08.5", "8.5"),
        ("1_0.2_5", "10.25"),
        ("1e19", "1e19"),
        ("0.1234567890123456", "0.1234567890123456"),
    ],
)
def test_other_numbers_keep_their_exact_decimals(text: str, value: str) -> None:
    read = plain_scalar(text)
    assert type(read) is Decimal
    assert read == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "12:30:00",
        "190:20:30.15",
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2001-12-14 21:59:43.10 -5",
        "yEs",
        "tRue",
        "nULL",
        "Infinity",
        "nan",
        "0x",
        "0b2",
        "0o8",
        "_1",
        "1e",
        "1e+",
        "e5",
        ".",
        ".e5",
        "._5",
        ".5_",
        "-",
        "+",
        "--1",
        "1 000",
        "1,5",
        "0x1.8p3",
        "१२",
    ],
)
def test_what_stays_text(text: str) -> None:
    assert plain_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".nan", "finite"),
        ("-.INF", "finite"),
        ("+.inf", "finite"),
        ("9223372036854775808", "outside the integers"),
        ("0xFFFFFFFFFFFFFFFF", "outside the integers"),
        ("1" * 5000, "outside the integers"),
        ("1e309", "too large"),
        ("1e99999999999999999999", "too large"),
        ("1e-99999999999999999999", "more digits than kubectl keeps"),
        ("0.10000000000000000001", "would read 0.1;"),
    ],
)
def test_numbers_that_json_would_change_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        plain_scalar(text)
    assert len(str(caught.value)) < 250
