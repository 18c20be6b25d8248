"""What the engine wrote of every type, kind and hostile name verifies clean, both ways."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers
from tests.integration.verify.published_data import PublishedData

_VALID = Path(__file__).parents[2] / "unit" / "spec" / "valid"


@pytest.mark.parametrize(
    ("manifest", "parquet"),
    [
        ("types", "portable"),
        ("types", "native"),
        ("synonyms", "portable"),
        ("kinds", "portable"),
        ("relations", "portable"),
        ("hostile-names", "portable"),
        ("hostile-identifiers", "portable"),
    ],
)
def test_it_is_identical_in_every_destination(
    manifest: str, parquet: str, servers: EmbeddedServers, home: Home
) -> None:
    text = (_VALID / f"{manifest}.yaml").read_text(encoding="utf-8")
    assert text.count("{bucket: lake") == 1
    text = text.replace("{bucket: lake", f"{{types: {parquet}, bucket: lake")
    # Each process of a parallel session has experiments of its own on the same servers.
    text = text.replace("schema: '", f"schema: '{os.getpid()} ")
    name = f"{manifest}-{parquet}-{os.getpid()}"
    # A prefix that SeaweedFS would take for a path is another test's matter.
    text = re.sub(r"prefix: ([\"']).*?\1", f"prefix: 'odd ü%2F {name}/'", text)
    text = re.sub(r"(metadata: \{name: |metadata:\n +name: )\S+?(?=[}\n])", rf"\g<1>{name}", text)
    report = PublishedData(text, home).verify(threads=2)
    different = [
        (table.table, comparison.destination, comparison.problems, comparison.differences[:3])
        for table in report.tables
        for comparison in table.comparisons
        if not comparison.identical
    ]
    assert different == []
    assert report.identical
