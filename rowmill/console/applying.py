"""From a manifest that was sent to what an engine is asked to run: read under limits first."""

from __future__ import annotations

from typing import Any

from rowmill.console.sandbox.requests import Text
from rowmill.console.services import Services
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Invalid
from rowmill.spec.load import Overrides


def name_in(services: Services, text: Text) -> str:
    """The name of the experiment in a manifest; raises Invalid if the manifest is no good."""
    found: str = services.sandbox.ask("validate", text)["name"]
    return found


def request_for(services: Services, text: Text, **chosen: Any) -> ApplyRequest:
    """What to ask of the engine, with the registered secrets that the manifest names.

    Args:
        text: the manifest, which goes to the sandbox first: the engine reads it without limits.
        chosen: other fields of ApplyRequest.

    Raises:
        Invalid: the manifest is no good, or names a secret that is not registered.
    """
    named: list[str] = services.sandbox.ask("secret_names", text)
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
