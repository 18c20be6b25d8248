"""Versions: which version of each thing that decides data a data version stands for.

A data version that was closed never changes: an improved kind gets a new number in a new data
version, and the old code stays (MANIFEST.md, rule 17).
"""

from __future__ import annotations

# Kinds and picks by the key of the class in rowmill.spec.kind or rowmill.spec.dataset.
_FIRST = {
    "sequence": 1,
    "ordinal": 1,
    "uniform": 1,
    "boolean": 1,
    "choice": 1,
    "between": 1,
    "after": 1,
    "normal": 1,
    "lognormal": 1,
    "exponential": 1,
    "poisson": 1,
    "beta": 1,
    "zipf": 1,
    "uuid": 1,
    "faker": 1,
    "template": 1,
    "pattern": 1,
    "constant": 1,
    "parent": 1,
    "reference": 1,
    "array": 1,
    "pick.uniform": 1,
    "pick.zipf": 1,
    "pick.oneToOne": 1,
    "pick.tree": 1,
    "pick.children": 1,
    "pick.product": 1,
    "pick.distinct": 1,
    "nulls": 1,
    # What fills a column that says nothing (rowmill.spec.inference).
    "inference": 1,
    # Faker's providers: their names, locales and counts of values (rowmill.spec.faker.providers).
    "providers": 1,
    # Which values a provider's pool has, shipped or drawn (rowmill.generate.pools.shipped).
    "pools": 1,
    # Estimated bytes of a row, which cut a table into batches and parts (rowmill.plan.width).
    "widths": 1,
}
VERSIONS: dict[int, dict[str, int]] = {
    1: _FIRST,
    # Open: it may still change, and is taken only where a manifest names it.
    2: _FIRST | {"template": 2, "pattern": 2, "inference": 2},
}

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


def version_of(data_version: int, name: str) -> int:
    """The version that `data_version` gives to `name`: a kind or pick by its key, or a rule.

    Raises:
        ValueError: this release of Rowmill doesn't know the data version.
    """
    check_known(data_version)
    return VERSIONS[data_version][name]
