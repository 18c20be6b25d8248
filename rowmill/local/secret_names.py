"""Which secrets a manifest names, for whoever is given some."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.errors import Invalid
from rowmill.spec.dataset import Spec


class UnknownSecret(Invalid):
    """A secret was given that the manifest does not name."""

    def __init__(self, message: str) -> None:
        super().__init__("Usage", message)


def refuse_unknown_secrets(spec: Spec, secrets: Iterable[str]) -> None:
    """See that a manifest names all of the secrets given for it.

    Raises:
        UnknownSecret: it does not.
    """
    # A misspelt name would otherwise mean the environment, which may lead to a stray production.
    named = {target.secret_name for target in (spec.postgres, spec.parquet) if target}
    unknown = sorted(set(secrets) - named)
    if not unknown:
        return
    known = ", ".join(sorted(name for name in named if name)) or "none"
    raise UnknownSecret(
        f"the manifest names no secret {unknown[0]!r} (it names: {known}); "
        "--secret NAME=FILE takes a `secretName` of its destinations"
    )
