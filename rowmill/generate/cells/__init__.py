"""Cells: for every kind the functions that make a column's cells, by the kind's version.

To add a kind, see "Adding a kind" in CONTRIBUTING.md.
"""

from rowmill.generate.cells.after import AFTER_CELLS as AFTER_CELLS
from rowmill.generate.cells.array import ARRAY_CELLS as ARRAY_CELLS
from rowmill.generate.cells.beta import BETA_CELLS as BETA_CELLS
from rowmill.generate.cells.between import BETWEEN_CELLS as BETWEEN_CELLS
from rowmill.generate.cells.boolean import BOOLEAN_CELLS as BOOLEAN_CELLS
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.choice import CHOICE_CELLS as CHOICE_CELLS
from rowmill.generate.cells.constant import CONSTANT_CELLS as CONSTANT_CELLS
from rowmill.generate.cells.exponential import EXPONENTIAL_CELLS as EXPONENTIAL_CELLS
from rowmill.generate.cells.faker import FAKER_CELLS as FAKER_CELLS
from rowmill.generate.cells.gamma import GAMMA_CELLS as GAMMA_CELLS
from rowmill.generate.cells.lognormal import LOGNORMAL_CELLS as LOGNORMAL_CELLS
from rowmill.generate.cells.normal import NORMAL_CELLS as NORMAL_CELLS
from rowmill.generate.cells.ordinal import ORDINAL_CELLS as ORDINAL_CELLS
from rowmill.generate.cells.parent import PARENT_CELLS as PARENT_CELLS
from rowmill.generate.cells.pattern import PATTERN_CELLS as PATTERN_CELLS
from rowmill.generate.cells.poisson import POISSON_CELLS as POISSON_CELLS
from rowmill.generate.cells.reference import REFERENCE_CELLS as REFERENCE_CELLS
from rowmill.generate.cells.sequence import SEQUENCE_CELLS as SEQUENCE_CELLS
from rowmill.generate.cells.template import TEMPLATE_CELLS as TEMPLATE_CELLS
from rowmill.generate.cells.uniform import UNIFORM_CELLS as UNIFORM_CELLS
from rowmill.generate.cells.uuid import UUID_CELLS as UUID_CELLS
from rowmill.generate.cells.weekday import WEEKDAY_CELLS as WEEKDAY_CELLS
from rowmill.generate.cells.zipf import ZIPF_CELLS as ZIPF_CELLS

CELL_BUILDERS: tuple[CellBuilder, ...] = tuple(
    each for each in tuple(vars().values()) if isinstance(each, CellBuilder)
)
