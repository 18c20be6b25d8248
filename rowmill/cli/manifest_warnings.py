"""The warnings of a manifest on standard error, where no document is read from."""

from __future__ import annotations

from rowmill.cli.progress_display import report
from rowmill.local.source import Source
from rowmill.spec.dataset import Spec
from rowmill.spec.places import located
from rowmill.spec.problems import Problem
from rowmill.spec.rules.warnings import manifest_warnings


def say_warnings(source: Source, spec: Spec) -> tuple[Problem, ...]:
    """Say each of the source's spec in a line, and return them with their places."""
    found = located(manifest_warnings(spec), source.manifest)
    for warning in found:
        report(f"rowmill: warning: {warning.text}")
    return found
