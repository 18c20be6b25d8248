"""What the CRD says beyond types: CEL rules by model, and the sizes by which their cost is judged.

The API server adds up what every rule could cost at most, over lists of their greatest length: one
rule may cost 10 million, all together 100 million. So a rule on a cell counts a million times, and
what is not said here (unique names, keys that name a column, at least one weight) is the
operator's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rowmill.spec import manifest as m
from rowmill.spec import manifest_kinds as kinds
from rowmill.spec.manifest_fields import Model
from rowmill.spec.manifest_run import ParquetSpec, PostgresSpec

MAX_TABLES = 1_000
MAX_COLUMNS = 1_000

# Smaller than the model's own, which one machine can do.
SIZES: Mapping[tuple[type[Model], str], int] = {
    (m.ExperimentSpec, "tables"): MAX_TABLES,
    (m.TableSpec, "columns"): MAX_COLUMNS,
}


@dataclass(frozen=True)
class Rule:
    """A CEL expression that must hold, and what is said if not; `field` is where, from the rule."""

    rule: str
    message: str
    field: str | None = None


_MIN_MAX = Rule("self.min <= self.max", "min is larger than max")
_OPTIONAL_MIN_MAX = Rule(
    "!has(self.min) || !has(self.max) || self.min <= self.max", "min is larger than max"
)
_ONE_IDENTITY = Rule(
    "!has(self.secretName) || !has(self.auth)",
    "has both secretName and auth; keep one of them",
)


def _default_min_max(least: str, most: str) -> Rule:
    return Rule(
        f"(has(self.min) ? self.min : {least}) <= (has(self.max) ? self.max : {most})",
        f"min (default {least}) is larger than max (default {most})",
    )


def _fixed(destination: str, field: str, value: str) -> Rule:
    """A field that must stay as it was made; `value` reads it from `spec.destinations`."""
    now = value.format("self.spec.destinations", "self")
    before = value.format("oldSelf.spec.destinations", "oldSelf")
    return Rule(
        f"{now} == {before}",
        "cannot change, for the data is there; make another Experiment, or delete this one first",
        f".spec.destinations.{destination}.{field}",
    )


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
            ".metadata.name",
        ),
        _fixed_destination("parquet"),
        _fixed_destination("postgres"),
        _fixed("postgres", "schema", "{}.?postgres.?schema.orValue({}.metadata.name)"),
        _fixed("postgres", "ledgerSchema", "{}.?postgres.?ledgerSchema.orValue('rowmill')"),
        _fixed("parquet", "bucket", "{}.?parquet.?bucket.orValue('')"),
        _fixed("parquet", "prefix", "{}.?parquet.?prefix.orValue({}.metadata.name + '/')"),
        _fixed("parquet", "endpoint", "{}.?parquet.?endpoint.orValue('')"),
    ),
    ParquetSpec: (
        _ONE_IDENTITY,
        Rule(
            "!has(self.endpoint) || has(self.secretName) || has(self.auth)",
            "an endpoint needs credentials of its own; give secretName or auth: ambient",
        ),
    ),
    PostgresSpec: (_ONE_IDENTITY,),
    m.TableSpec: (
        Rule("has(self.rows) != has(self.rowsPer)", "give exactly one of rows and rowsPer"),
    ),
    m.RowsPerSpec: (Rule("!has(self.min) || self.min <= self.max", "min is larger than max"),),
    m.ColumnSpec: (
        Rule(
            "!has(self.generate) || !has(self.references)",
            "has both generate and references; keep one of them",
        ),
    ),
    kinds.ChoiceSpec: (
        Rule(
            "!has(self.weights) || size(self.weights) == size(self.values)",
            "weights must be as many as values",
        ),
    ),
    kinds.ArraySpec: (_default_min_max("0", "5"),),
    kinds.BetaSpec: (_default_min_max("0.0", "1.0"),),
    **dict.fromkeys((kinds.IntegerSpec, kinds.NumberSpec), (_MIN_MAX,)),
    **dict.fromkeys(
        (kinds.NormalSpec, kinds.LognormalSpec, kinds.ExponentialSpec, kinds.PoissonSpec),
        (_OPTIONAL_MIN_MAX,),
    ),
}
