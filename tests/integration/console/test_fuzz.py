"""Calls drawn from the OpenAPI document: each is answered as the document says, and none by 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rowmill.local.home.folder import Home
from tests.fuzz.fuzzing import furnish, fuzz, statuses
from tests.integration.console.conftest import Console

# What is called for is no longer there, or is what no document can say: a ticket, a query's id.
_NEVER_DONE = {
    "GET /api/tickets/{ticket}",
    "DELETE /api/experiments/{name}/query/{identity}",
}
# There is nothing that these could do to a run that has ended.
_IN_VAIN = {f"POST /api/experiments/{{name}}/{verb}" for verb in ("abort", "reset", "resume")}


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
    never = {call for call, each in found.items() if not any(200 <= code < 300 for code in each)}
    assert len(found) == 30
    assert never <= _NEVER_DONE | _IN_VAIN
    assert "Traceback" not in "".join(console.said)
