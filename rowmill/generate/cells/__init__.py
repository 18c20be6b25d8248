"""Cells: for every kind the functions that make a column's cells, by the kind's version.

To add a kind, see "Adding a kind" in CONTRIBUTING.md.
"""

from rowmill.generate.cells.cell_builder import CellBuilder

# isort: off
from rowmill.generate.cells.numbers import (
    SEQUENCE_CELLS as SEQUENCE_CELLS,
    ORDINAL_CELLS as ORDINAL_CELLS,
    UNIFORM_CELLS as UNIFORM_CELLS,
    BOOLEAN_CELLS as BOOLEAN_CELLS,
)
from rowmill.generate.cells.choices import (
    CHOICE_CELLS as CHOICE_CELLS,
    CONSTANT_CELLS as CONSTANT_CELLS,
)
from rowmill.generate.cells.temporal import (
    BETWEEN_CELLS as BETWEEN_CELLS,
    AFTER_CELLS as AFTER_CELLS,
)
from rowmill.generate.cells.weekday import WEEKDAY_CELLS as WEEKDAY_CELLS
from rowmill.generate.cells.normal import NORMAL_CELLS as NORMAL_CELLS
from rowmill.generate.cells.lognormal import LOGNORMAL_CELLS as LOGNORMAL_CELLS
from rowmill.generate.cells.exponential import EXPONENTIAL_CELLS as EXPONENTIAL_CELLS
from rowmill.generate.cells.discrete import POISSON_CELLS as POISSON_CELLS, ZIPF_CELLS as ZIPF_CELLS
from rowmill.generate.cells.beta import BETA_CELLS as BETA_CELLS
from rowmill.generate.cells.gamma import GAMMA_CELLS as GAMMA_CELLS
from rowmill.generate.cells.identifiers import UUID_CELLS as UUID_CELLS
from rowmill.generate.cells.faker import FAKER_CELLS as FAKER_CELLS
from rowmill.generate.cells.templates import TEMPLATE_CELLS as TEMPLATE_CELLS
from rowmill.generate.cells.patterns import PATTERN_CELLS as PATTERN_CELLS
from rowmill.generate.cells.arrays import ARRAY_CELLS as ARRAY_CELLS
from rowmill.generate.cells.parents import (
    PARENT_CELLS as PARENT_CELLS,
    REFERENCE_CELLS as REFERENCE_CELLS,
)
# isort: on

CELL_BUILDERS: tuple[CellBuilder, ...] = tuple(
    each for each in tuple(vars().values()) if isinstance(each, CellBuilder)
)
