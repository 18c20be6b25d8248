"""From a manifest that was sent to what an engine is asked to run: read under limits first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rowmill.console.sandbox.requests import Text
from rowmill.console.services import Services
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Invalid
from rowmill.spec.load import Overrides


@dataclass(frozen=True)
class Heading:
    """Of a manifest: the name of its experiment, and of the secrets that its destinations take."""

    name: str
    secrets: tuple[str, ...]


def heading_of(services: Services, text: Text) -> Heading:
    """Read in the sandbox first, since the engine reads without limits; raises Invalid."""
    found = services.sandbox.ask("heading", text)
    return Heading(found["name"], tuple(found["secrets"]))


def request_for(
    services: Services, text: Text, named: Sequence[str], **chosen: Any
) -> ApplyRequest:
    """What to ask of the engine, with the registered ones of the secrets that a manifest names.

    Args:
        text: the manifest.
        named: the secrets of its heading.
        chosen: other fields of ApplyRequest.

    Raises:
        Invalid: SecretUnknown, one of them is not registered.
    """
    unknown = [name for name in named if name not in services.secrets]
    if unknown:
        # Else the engine would take what the console's own environment has.
        raise Invalid(
            "SecretUnknown",
            f"no secret {unknown[0]!r} is registered here; start the console with it: "
            f"`rowmill console --secret {unknown[0]}=FILE`",
        )
    secrets = {name: services.secrets[name] for name in named}
    overrides = Overrides(scale=text.scale, seed=text.seed)
    return ApplyRequest(text.manifest, overrides, secrets, **chosen)
