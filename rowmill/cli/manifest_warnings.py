"""The warnings of a manifest on standard error, where no document is read from."""

from __future__ import annotations

from rowmill.cli.progress_display import tell
from rowmill.spec.dataset import Spec
from rowmill.spec.manifest_warnings import manifest_warnings
from rowmill.spec.problems import Problem


def say_warnings(spec: Spec) -> tuple[Problem, ...]:
    """Say each in a line, and return them."""
    found = manifest_warnings(spec)
    for warning in found:
        tell(f"rowmill: warning: {warning}")
    return found
