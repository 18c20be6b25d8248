"""The OpenAPI document says what is answered: by which media type, by which model alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from rowmill.console.problem_details import DOCUMENTED, MEDIA_TYPE
from tests.unit.console.served import served


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    with served(tmp_path, None) as client:
        assert isinstance(client.app, FastAPI)
        paths = client.app.openapi()["paths"]
        yield [call for verbs in paths.values() for call in verbs.values()]


def test_what_goes_wrong_is_told_as_problem_details(calls: list[dict[str, Any]]) -> None:
    for call in calls:
        for wrong in DOCUMENTED:
            assert list(call["responses"][wrong]["content"]) == [MEDIA_TYPE]


def test_an_answer_has_one_schema(calls: list[dict[str, Any]]) -> None:
    contents = [
        content
        for call in calls
        for answer in call["responses"].values()
        for content in answer.get("content", {}).values()
    ]
    schemas = [content["schema"] for content in contents]
    found = [each.get("items", each) for each in schemas]
    assert any("$ref" in each for each in found)
    assert all(len(each) == 1 for each in found if "$ref" in each)
