"""What the CRD says beyond types: CEL rules by model, and the sizes by which their cost is judged.

The API server adds up what every rule could cost at most, over lists of their greatest length: one
rule may cost 10 million, all together 100 million. So a rule of a column counts 1.2 million times,
is written in the cheapest form, and what is not said here (rules of single kinds, unique names,
keys that name a column) is left to the operator, whose condition Accepted says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rowmill.spec.fields import Model
from rowmill.spec.manifest import experiment as m
from rowmill.spec.manifest.run import ParquetSpec, PostgresSpec

# Fewer tables than one machine takes; columns as many as Postgres does.
SIZES: Mapping[tuple[type[Model], str], int] = {
    (m.ExperimentSpec, "tables"): 750,
    (m.TableSpec, "columns"): 1_600,
}


@dataclass(frozen=True)
class Rule:
    """A CEL expression that must hold, and what is said if not; `field` is where, from the rule."""

    rule: str
    message: str
    field: str | None = None


_FIXED = "cannot change, for the data is there; make another Experiment, or delete this one first"
_ONE_IDENTITY = Rule(
    "!has(self.secretName) || !has(self.auth)",
    "has both secretName and auth; keep one of them",
)


def _fixed(field: str, default: str, destination: str = "") -> Rule:
    """A field that must stay as it was made; left out it means `default`, CEL with `{self}`.

    With `destination` it is a rule of the whole Experiment, which alone knows its name.
    """
    parent = f".spec.destinations.{destination}" if destination else ""

    def value(of: str) -> str:
        path = f"{of}{parent}.{field}"
        return f"(has({path}) ? {path} : {default.format(self=of)})"

    both = f"!has(self{parent}) || !has(oldSelf{parent}) || " if destination else ""
    return Rule(f"{both}{value('self')} == {value('oldSelf')}", _FIXED, f"{parent}.{field}")


def _fixed_destination(name: str) -> Rule:
    member = f"spec.destinations.{name}"
    return Rule(
        f"has(self.{member}) == has(oldSelf.{member})",
        f"{name} can be neither added nor removed; make another Experiment, "
        "or delete this one first",
        ".spec.destinations",
    )


RULES: Mapping[type[Model], tuple[Rule, ...]] = {
    m.Experiment: (
        Rule(
            "self.metadata.name.size() <= 38"
            " && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "the name must be at most 38 lower-case letters, digits and '-', "
            "a letter first and no '-' last",
            ".metadata",
        ),
        _fixed_destination("parquet"),
        _fixed_destination("postgres"),
        _fixed("schema", "{self}.metadata.name", "postgres"),
        _fixed("prefix", "{self}.metadata.name + '/'", "parquet"),
    ),
    ParquetSpec: (
        _ONE_IDENTITY,
        Rule(
            "!has(self.endpoint) || has(self.secretName) || has(self.auth)",
            "an endpoint needs credentials of its own; give secretName or auth: ambient",
        ),
        Rule("self.bucket == oldSelf.bucket", _FIXED, ".bucket"),
        _fixed("endpoint", "''"),
    ),
    PostgresSpec: (_ONE_IDENTITY, _fixed("ledgerSchema", "'rowmill'")),
    m.TableSpec: (
        Rule("has(self.rows) != has(self.rowsPer)", "give exactly one of rows and rowsPer"),
    ),
    m.RowsPerSpec: (Rule("!has(self.min) || self.min <= self.max", "min is larger than max"),),
    m.ColumnSpec: (
        Rule(
            "!(has(self.generate) && has(self.references))",
            "has both generate and references; keep one of them",
        ),
    ),
}
