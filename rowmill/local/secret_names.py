"""Which secrets a manifest names, for whoever is given some."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.spec.dataset import Spec


def unknown_secret(spec: Spec, secrets: Iterable[str]) -> str | None:
    """What is wrong with the names of secrets given for a manifest; None if it names them all."""
    # A misspelt name would otherwise mean the environment, which may lead to a stray production.
    named = {target.secret_name for target in (spec.postgres, spec.parquet) if target}
    unknown = sorted(set(secrets) - named)
    if not unknown:
        return None
    known = ", ".join(sorted(name for name in named if name)) or "none"
    return (
        f"the manifest names no secret {unknown[0]!r} (it names: {known}); "
        "--secret NAME=FILE takes a `secretName` of its destinations"
    )
