"""Versions: which version of each thing that decides data a data version stands for.

A data version that was closed never changes: an improved kind gets a new number in a new data
version, and the old code stays.
"""

from __future__ import annotations

from typing import Literal

# What else decides data:
#   nulls       which cells are null
#   inference   what fills a column that says nothing (rowmill.spec.inference)
#   providers   Faker's: their names, locales and counts of values (rowmill.spec.faker.providers)
#   pools       which values a provider's pool has (rowmill.generate.pools.shipped)
#   widths      estimated bytes of a row, which cut a table into parts (rowmill.plan.width)
Rule = Literal["nulls", "inference", "providers", "pools", "widths"]

# By the key of a kind or pick (rowmill.spec.kinds, rowmill.spec.dataset), or a rule. Whatever a
# data version does not name has version 1 in it.
VERSIONS: dict[int, dict[str, int]] = {
    1: {},
    # Taken only where a manifest names it.
    2: {"template": 2, "pattern": 2, "inference": 2},
}

# The one of them that may still change.
OPEN = 2
# That of an experiment which names none and has no run yet.
DEFAULT = 1


def check_known(data_version: int) -> None:
    """See that this release can make data of a version.

    Raises:
        ValueError: it doesn't know it.
    """
    if data_version not in VERSIONS:
        known = ", ".join(map(str, sorted(VERSIONS)))
        raise ValueError(
            f"dataVersion {data_version} is unknown to this release; it knows {known}: "
            "upgrade Rowmill, or name one of these in the manifest"
        )


def rule_version(data_version: int, rule: Rule) -> int:
    """As `version_of`, of a rule."""
    return version_of(data_version, rule)


def version_of(data_version: int, key: str) -> int:
    """The version that `data_version` gives to a kind or pick, by its own key.

    Raises:
        ValueError: this release of Rowmill doesn't know the data version.
    """
    check_known(data_version)
    return VERSIONS[data_version].get(key, 1)
