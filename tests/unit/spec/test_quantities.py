"""Kubernetes quantities are read exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rowmill.spec.values.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("512Mi", 512 * 2**20),
        ("1Gi", 2**30),
        ("1.5G", 1_500_000_000),
        ("1000", 1000),
        ("500m", Decimal("0.5")),
        ("1e3", 1000),
        ("12E", 12 * 10**18),
        ("12E2", 1200),
        (".5Ki", 512),
        ("128974848000m", 128974848),
    ],
)
def test_quantities(text: str, value: int | Decimal) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "lots", "5 Mi", "-5", "5mi", "5KiB", "Mi", "1e999", "9" * 40])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity; write for example 512Mi"):
        parse_quantity(text)
