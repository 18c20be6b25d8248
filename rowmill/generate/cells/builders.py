"""The builders: for every kind of cell the function that makes its `Cells` for one column."""

from __future__ import annotations

from rowmill.generate.cells.arrays import build_array
from rowmill.generate.cells.choices import build_choice, build_constant
from rowmill.generate.cells.continuous import (
    build_beta,
    build_exponential,
    build_lognormal,
    build_normal,
)
from rowmill.generate.cells.discrete import build_poisson, build_zipf
from rowmill.generate.cells.faker import build_faker
from rowmill.generate.cells.identifiers import build_uuid
from rowmill.generate.cells.numbers import (
    build_boolean,
    build_ordinal,
    build_sequence,
    build_uniform,
)
from rowmill.generate.cells.parents import build_parent, build_reference
from rowmill.generate.cells.patterns import build_pattern
from rowmill.generate.cells.templates import build_template
from rowmill.generate.cells.temporal import build_after, build_between
from rowmill.generate.context import Builder, Context
from rowmill.generate.frame import Cells
from rowmill.spec import kind as kinds

BUILDERS: dict[type, Builder] = {
    kinds.Sequence: build_sequence,
    kinds.Ordinal: build_ordinal,
    kinds.Uniform: build_uniform,
    kinds.Boolean: build_boolean,
    kinds.Choice: build_choice,
    kinds.Between: build_between,
    kinds.After: build_after,
    kinds.Normal: build_normal,
    kinds.Lognormal: build_lognormal,
    kinds.Exponential: build_exponential,
    kinds.Poisson: build_poisson,
    kinds.Beta: build_beta,
    kinds.Zipf: build_zipf,
    kinds.Uuid: build_uuid,
    kinds.Faker: build_faker,
    kinds.Template: build_template,
    kinds.Pattern: build_pattern,
    kinds.Constant: build_constant,
    kinds.Parent: build_parent,
    kinds.Reference: build_reference,
    kinds.Array: lambda context: build_array(context, build),
}


def build(context: Context) -> Cells:
    """The cells of the context's column."""
    return BUILDERS[type(context.column.kind)](context)
