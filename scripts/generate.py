"""Write every file of the repository that is made from code, as `make generate` does.

What needs the network or hours is no part of it: locks, pools, providers, benchmarks.
tests/unit/scripts/test_generated_files.py fails for a file that this would change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rowmill.spec.crd.definition import crd_yaml
from scripts.make_chart_reference import with_reference as chart_readme
from scripts.make_manifest_reference import with_reference as manifest_page
from tests.unit.generate.kind_examples import digests

ROOT = Path(__file__).parent.parent


def _definition(_: str) -> str:
    return crd_yaml()


def _golden_examples(known: str) -> str:
    """With the kinds that are new; the cells of one that is known never change."""
    before: dict[str, dict[str, str]] = json.loads(known)
    made = {version: {**now, **before.get(version, {})} for version, now in digests().items()}
    return json.dumps(made, indent=2) + "\n"


# By its path, what a file is to be, from what it is.
MADE: Mapping[str, Callable[[str], str]] = {
    "crds/rowmill.dev_experiments.yaml": _definition,
    "helm/rowmill/files/crds/rowmill.dev_experiments.yaml": _definition,
    "helm/rowmill/README.md": chart_readme,
    "docs/manifest.md": manifest_page,
    "tests/unit/generate/golden_examples.json": _golden_examples,
}


def main() -> None:
    """Write those that differ, and say which."""
    for path, make in MADE.items():
        file = ROOT / path
        before = file.read_text(encoding="utf-8")
        after = make(before)
        if after != before:
            file.write_text(after, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
