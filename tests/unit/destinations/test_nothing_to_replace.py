"""Where a run replaces no tables, the server is asked nothing about what hangs on them."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.destinations.postgres.additions.attachments import read_restrictions
from rowmill.destinations.postgres.additions.builds import read_references_to
from rowmill.destinations.postgres.additions.model import Additions
from rowmill.destinations.postgres.additions.settings import read_settings
from rowmill.destinations.postgres.tables.dependants import find_dependants
from rowmill.destinations.postgres.tables.grants import privileges_of
from rowmill.destinations.postgres.warehouse.outgoing import Hanging, find_hanging

# What is not there answers no statement.
_CURSOR: Any = None
_UNUSED: Any = None


@pytest.mark.parametrize("trial", [True, False])
def test_nothing_hangs_on_the_tables_of_a_first_run(trial: bool) -> None:
    found = find_hanging(_CURSOR, _UNUSED, _UNUSED, [], _UNUSED, trial=trial)
    assert found == Hanging((), Additions())


def test_no_table_has_dependants_privileges_settings_or_restrictions() -> None:
    found = find_dependants(_CURSOR, [])
    assert (found.views, found.obstacles) == ((), ())
    assert privileges_of(_CURSOR, []) == {}
    assert read_settings(_CURSOR, []) == []
    assert read_restrictions(_CURSOR, []) == []
    assert read_references_to(_CURSOR, []) == set()
