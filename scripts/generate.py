"""Write every file of the repository that is made from code, as `make generate` does.

What needs the network or hours is no part of it: locks, pools, providers, benchmarks.
tests/unit/scripts/test_generated_files.py fails for a file that this would change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rowmill.spec.crd.definition import crd_yaml
from rowmill.spec.versions import OPEN
from scripts.make_api_reference import with_reference as api_page
from scripts.make_chart_reference import with_reference as chart_readme
from scripts.make_manifest_reference import with_reference as manifest_page
from scripts.make_parity_table import with_table as faces_page
from tests.unit.generate.kind_examples import digests

ROOT = Path(__file__).parent.parent


def _definition(_: str) -> str:
    return crd_yaml()


def _golden_examples(known: str) -> str:
    """With the kinds that are new; in a closed version the cells of one that is known stay."""
    before: dict[str, dict[str, str]] = json.loads(known)
    closed = {version: kinds for version, kinds in before.items() if int(version) != OPEN}
    made = {
        version: {kind: closed.get(version, {}).get(kind, digest) for kind, digest in now.items()}
        for version, now in digests().items()
    }
    return json.dumps(made, indent=2) + "\n"


# By its path, what a file is to be, from what it is.
MADE: Mapping[str, Callable[[str], str]] = {
    "crds/rowmill.dev_experiments.yaml": _definition,
    "helm/rowmill/files/crds/rowmill.dev_experiments.yaml": _definition,
    "helm/rowmill/README.md": chart_readme,
    "docs/api.md": api_page,
    "docs/manifest.md": manifest_page,
    "docs/faces.md": faces_page,
    "tests/unit/generate/golden_examples.json": _golden_examples,
}


def main(arguments: Sequence[str]) -> int:
    """Write those that differ, and say which; with `--check` only say it, exit code 1."""
    check = list(arguments) == ["--check"]
    found = 0
    for path, make in MADE.items():
        file = ROOT / path
        before = file.read_text(encoding="utf-8")
        after = make(before)
        if after != before:
            found += 1
            print(f"{path} is not as it is made: run make generate" if check else f"wrote {path}")
            if not check:
                file.write_text(after, encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
