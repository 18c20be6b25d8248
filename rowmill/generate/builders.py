"""The builders: for every kind of cell the function that makes its `Cells` for one column."""

from __future__ import annotations

from importlib import import_module

from rowmill.generate.choices import build_choice, build_constant
from rowmill.generate.context import Builder, Context
from rowmill.generate.frame import Cells
from rowmill.generate.numbers import build_boolean, build_ordinal, build_sequence, build_uniform
from rowmill.generate.parents import build_parent, build_reference
from rowmill.generate.temporal import build_after, build_between
from rowmill.spec import kinds

BUILDERS: dict[type, Builder] = {
    kinds.Sequence: build_sequence,
    kinds.Ordinal: build_ordinal,
    kinds.Uniform: build_uniform,
    kinds.Boolean: build_boolean,
    kinds.Choice: build_choice,
    kinds.Between: build_between,
    kinds.After: build_after,
    kinds.Constant: build_constant,
    kinds.Parent: build_parent,
    kinds.Reference: build_reference,
}

_LATER: dict[type, str] = {
    kinds.Normal: "continuous.build_normal",
    kinds.Lognormal: "continuous.build_lognormal",
    kinds.Exponential: "continuous.build_exponential",
    kinds.Beta: "continuous.build_beta",
    kinds.Poisson: "discrete.build_poisson",
    kinds.Zipf: "discrete.build_zipf",
    kinds.Uuid: "identifiers.build_uuid",
    kinds.Faker: "faker_cells.build_faker",
    kinds.Template: "templates.build_template",
    kinds.Pattern: "patterns.build_pattern",
    kinds.Array: "arrays.build_array",
}


def build(context: Context) -> Cells:
    """The cells of the context's column."""
    kind = type(context.column.kind)
    if kind in BUILDERS:
        return BUILDERS[kind](context)
    module, name = _LATER[kind].split(".")
    builder: Builder = getattr(import_module(f"rowmill.generate.{module}"), name)
    return builder(context)
