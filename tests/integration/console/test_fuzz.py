"""Calls drawn from the OpenAPI document: each is answered as the document says, and none by 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rowmill.local.home.folder import Home
from tests.fuzz.fuzzing import furnish, fuzz, statuses
from tests.integration.console.conftest import Console

# Most calls are to be ones that are done; a drawn name of a ticket, say, is never there.
_DONE = 20


@pytest.fixture
def console(own: Home) -> Iterator[Console]:
    """Of a home of its own: experiments are created, run and removed."""
    found = Console(own)
    yield found
    found.end()


def test_every_call_is_answered_as_the_document_says(console: Console, tmp_path: Path) -> None:
    api = console.start()
    furnish(api)
    report = tmp_path / "calls.ndjson"
    done = fuzz(api, "--seed", "1", "--report", "ndjson", "--report-ndjson-path", str(report))
    assert done.returncode == 0, done.stdout
    found = statuses(report)
    reached = [call for call, each in found.items() if any(200 <= code < 300 for code in each)]
    assert len(found) == 30
    assert len(reached) >= _DONE
    assert "Traceback" not in "".join(console.said)
