"""Which steps a ledger lacks, and which clients may write to it."""

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import (
    STEPS,
    Layout,
    Step,
    lacking,
    made_by,
    newest,
    refuse_newer,
)

TWO, THREE = Step(2, ""), Step(3, "", oldest_writer=2)


def test_the_first_layout_lacks_every_later_step_in_order() -> None:
    assert lacking(Layout(), [THREE, TWO]) == [TWO, THREE]


def test_a_ledger_lacks_only_what_came_since_its_newest_step() -> None:
    assert lacking(Layout(step=2), [TWO, THREE]) == [THREE]
    assert lacking(Layout(step=9), [TWO, THREE]) == []


def test_a_layout_has_its_steps_up_to_the_newest() -> None:
    assert [Layout(step=2).has(step) for step in (1, 2, 3)] == [True, True, False]


def test_a_step_names_the_tables_that_it_makes() -> None:
    adds = Step(2, "ALTER TABLE {0}.runs ADD COLUMN more text;")
    makes = Step(3, "CREATE TABLE {0}.one ();\nCREATE TABLE IF NOT EXISTS {0}.other ();")
    assert made_by([adds, makes]) == ["one", "other"]


def test_a_client_goes_by_the_newest_step_that_it_knows() -> None:
    assert newest([]) == 1
    assert newest([TWO, THREE]) == 3


def test_a_client_may_write_where_steps_beyond_its_own_only_added() -> None:
    refuse_newer(Layout(step=9, oldest_writer=1), [], "here", "field")
    refuse_newer(Layout(step=9, oldest_writer=3), [TWO, THREE], "here", "field")


def test_a_client_older_than_the_oldest_writer_is_refused() -> None:
    with pytest.raises(DestinationRefused, match=r"layout 3, this one knows 2") as refusal:
        refuse_newer(Layout(step=3, oldest_writer=3), [TWO], "here", "field")
    assert refusal.value.reason == "LedgerTooNew"


def test_steps_are_numbered_in_order_from_the_first_layouts_on() -> None:
    assert [step.number for step in STEPS] == list(range(2, 2 + len(STEPS)))
    assert all(step.oldest_writer <= step.number for step in STEPS)
