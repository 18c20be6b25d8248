"""The warnings of a spec stand in the message of Accepted, which stays True."""

from __future__ import annotations

from rowmill_operator.model.observed import Verdict
from rowmill_operator.validation.validator import Judgement
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.operator_env import Operator, QuickValidator, status, with_operator
from tests.unit.operator.raw_objects import DIGEST

WARNINGS = ("spec.tables[0].columns[1].name: alike", "spec.tables[1].columns[3].name: alike")


def test_an_accepted_spec_shows_its_warnings_also_to_the_next_operator(
    cluster: MemoryCluster,
) -> None:
    cluster.verdict = Verdict(1, "", digest=cluster.digest, warnings=WARNINGS)
    cluster.settle()
    accepted = cluster.condition("Accepted")
    assert (accepted["status"], accepted["reason"]) == ("True", "Valid")
    assert accepted["message"] == "\n".join(WARNINGS)
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes
    assert cluster.condition("Accepted")["message"] == "\n".join(WARNINGS)
    assert [reported.reason for reported in cluster.reported] == ["Starting"], "none of warnings"


def test_many_warnings_are_cut_and_written_once(cluster: MemoryCluster) -> None:
    many = tuple(f"spec.tables[{number}].name: {'x' * 400}" for number in range(50))
    cluster.verdict = Verdict(1, "", digest=cluster.digest, warnings=many)
    cluster.settle()
    assert len(cluster.condition("Accepted")["message"]) == 4_096
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes


def test_what_the_validator_warns_of_is_written() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        [accepted] = [c for c in status(api)["conditions"] if c["type"] == "Accepted"]
        assert (accepted["status"], accepted["message"]) == ("True", "\n".join(WARNINGS))

    judgement = Judgement(digest=DIGEST, warnings=WARNINGS)
    with_operator(story, validator=QuickValidator(judgement))
