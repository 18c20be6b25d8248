"""The experiment that the tests of `query` read."""

from __future__ import annotations

from dataclasses import dataclass

from tests.integration.cli.commands import Commands


@dataclass(frozen=True)
class Queried:
    """A published experiment; `own` is a manifest by which its server is one of one's own."""

    name: str
    file: str
    own: str
    commands: Commands
    known: dict[str, str]

    def secret(self, **changed: str) -> str:
        return self.commands.secret("warehouse", self.known | changed)
