"""Check that no package of the locks is under the GPL or a licence that nobody has looked at."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "operator/requirements.lock", "job_image/requirements.lock")

# The LGPL asks that a library can be replaced, as it can where pip installs it.
LESSER = {
    "psycopg": "the driver of Postgres, imported and unchanged",
    "psycopg-binary": "the driver of Postgres, imported and unchanged",
}
# Of packages for other systems than this one, and of those whose metadata does not tell.
BY_HAND = {
    "colorama": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "tzdata": "Apache-2.0",
}
_NAME = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*])?==", re.MULTILINE)
# Full texts stand in the old field too, and those of free licences name the GPL at times.
_SHORT = 100


class Told(NamedTuple):
    """What a package's metadata tells of its licence: an SPDX expression, a text, classifiers."""

    expression: str = ""
    text: str = ""
    classifiers: Sequence[str] = ()

    @property
    def words(self) -> str:
        """The first of these that tells, the surest first."""
        named = [one.rpartition(" :: ")[2] for one in self.classifiers if "License ::" in one]
        short = self.text if len(self.text) <= _SHORT else ""
        return self.expression or ", ".join(named) or short


def locked(text: str) -> set[str]:
    """The names of a lock's packages, in one spelling."""
    return {re.sub(r"[-_.]+", "-", name).lower() for name in _NAME.findall(text)}


def refusal(name: str, told: Told | None) -> str | None:
    """Why a package cannot be in a lock; None if it can. `told` is None if it is not installed."""
    words = BY_HAND.get(name) or ("" if told is None else told.words)
    if not words:
        return f"{name}: nothing tells its licence; look, and add it to BY_HAND"
    # An alternative without the GPL is ours to choose.
    ways = [way for way in re.split(r"\s+OR\s+", words) if not _is_copyleft(way)]
    if ways or (name in LESSER and not _is_copyleft(words, lesser=True)):
        return None
    return f"{name}: {words}; take another package"


def _is_copyleft(words: str, *, lesser: bool = False) -> bool:
    """Whether the words name the GPL or the AGPL, or the LGPL; with `lesser` that is let pass."""
    found = re.findall(r"[AL]?GPL|(?:Affero |Lesser |Library )?General Public", words, re.I)
    allowed = ("lgpl", "lesser general public", "library general public")
    return any(not (lesser and one.lower() in allowed) for one in found)


def refusals(locks: Mapping[str, str]) -> list[str]:
    """All of the locks' packages that cannot stay, each with its reason."""
    names = {name for text in locks.values() for name in locked(text)}
    found = (refusal(name, _told(name)) for name in sorted(names))
    return [reason for reason in found if reason is not None]


def _told(name: str) -> Told | None:
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    return Told(
        found.get("License-Expression") or "",
        (found.get("License") or "").strip(),
        tuple(found.get_all("Classifier") or ()),
    )


def main() -> None:
    """Print what cannot stay; exit code 1 if there is any."""
    found = refusals({lock: (ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS})
    for reason in found:
        print(reason, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
