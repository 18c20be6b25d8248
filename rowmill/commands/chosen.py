"""What a face chooses for a command, by the names under which what the command does takes it."""

from __future__ import annotations

from typing import TypedDict

from rowmill.engine.interface import Engine


class OnEngine(TypedDict):
    """The engine."""

    engine: Engine


class OnExperiment(OnEngine):
    """The engine, and one of its experiments."""

    name: str


class ToRemove(OnExperiment):
    """The engine, one of its experiments, and whether nobody is to be asked."""

    yes: bool


class ToQuery(OnExperiment):
    """The engine, one of its experiments, and a query."""

    sql: str


class ToTrace(OnExperiment):
    """The engine, one of its experiments, and what was typed behind it."""

    words: list[str]


class OnOneOrAll(OnEngine):
    """The engine, and one of its experiments; None means all."""

    name: str | None
