"""Hold the licences of every locked package, as `make lint` does: no GPL, no AGPL.

What a package states of itself is read from where it is installed: its License-Expression, else its
classifiers, else its License field. What is not known here is refused until somebody has read it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "operator/requirements.lock", "job_image/requirements.lock")

# As SPDX, classifiers and free text name them. The MPL binds only who changes the package's files.
ACCEPTED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC"),
        *("MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Zlib"),
        *("Apache Software License", "BSD License", "ISC License (ISCL)", "MIT License"),
        *("Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License"),
        "BSD",
    }
)
# By name, the lesser GPL that is allowed. psycopg is the one driver of Postgres that has all that
# the ledger needs; it is used as it comes and imported, never changed, which its licence permits.
LESSER: Mapping[str, str] = {"psycopg": "LGPL-3.0-only", "psycopg-binary": "LGPL-3.0-only"}
# Read by hand: these are installed on Windows only, so not where this runs.
BY_HAND: Mapping[str, str] = {
    "colorama": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "tzdata": "Apache-2.0",
}

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==", re.MULTILINE)


@dataclass(frozen=True)
class Stated:
    """What a package's metadata say of its licence; empty where they say nothing."""

    expression: str = ""
    classifiers: tuple[str, ...] = ()
    text: str = ""


def locked(lock: str) -> list[str]:
    """The names of the packages in a lock's text, each once, in its order."""
    return list(dict.fromkeys(_PINNED.findall(lock)))


def problem(package: str, stated: Stated) -> str | None:
    """What is wrong with a package's licence, or None."""
    if stated.expression:
        named, accepted = stated.expression, _is_accepted(stated.expression)
    elif stated.classifiers:
        named = ", ".join(stated.classifiers)
        accepted = ACCEPTED.issuperset(stated.classifiers)
    else:
        named = stated.text or BY_HAND.get(package, "")
        accepted = named in ACCEPTED
    if accepted or (named and named == LESSER.get(package)):
        return None
    if not named:
        return f"{package} states no licence: read it and list it in BY_HAND"
    return f"{package} is under {named[:60]!r}, which is not accepted: use another package"


def _is_accepted(expression: str) -> bool:
    """Whether one side of each OR is accepted whole. Parentheses and WITH are not read: refused."""
    return any(
        ACCEPTED.issuperset(part.strip() for part in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def _stated(package: str) -> Stated:
    try:
        found = metadata.metadata(package).json
    except metadata.PackageNotFoundError:
        return Stated()
    classifiers = (line.split(" :: ") for line in found.get("classifier", ()))
    licences = [parts[-1] for parts in classifiers if parts[0] == "License"]
    # These two say who approves of the licence, not which it is.
    licences = [name for name in licences if name not in ("OSI Approved", "DFSG approved")]
    expression, text = (str(found.get(key, "")) for key in ("license_expression", "license"))
    return Stated(expression, tuple(licences), text)


def _problems() -> Iterator[str]:
    for lock in LOCKS:
        for package in locked((ROOT / lock).read_text(encoding="utf-8")):
            said = problem(package, _stated(package))
            if said:
                yield f"{lock}: {said} (scripts/check_licences.py)"


def main() -> int:
    """Print every problem; 1 if there is one."""
    problems = list(_problems())
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
