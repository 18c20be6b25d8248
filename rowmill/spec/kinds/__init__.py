"""The kinds of cells, a file each: the data, how it is read, and what the rules must know of it.

`integer` and `number` are one kind, two ways to write it; `reference` is no member of `generate`.

To add one, see "Adding a kind" in CONTRIBUTING.md.
"""

from rowmill.spec.kind.base import Kind as Kind
from rowmill.spec.kind.distribution import Distribution as Distribution
from rowmill.spec.kind.entry import KindEntry as KindEntry
from rowmill.spec.kinds.reference import Reference as Reference
from rowmill.spec.templates.placeholders import Field as Field

# In the order in which the manifest's documents and the messages name them.
# isort: off
from rowmill.spec.kinds.sequence import SEQUENCE as SEQUENCE, Sequence as Sequence
from rowmill.spec.kinds.ordinal import ORDINAL as ORDINAL, Ordinal as Ordinal
from rowmill.spec.kinds.uniform import INTEGER as INTEGER, NUMBER as NUMBER, Uniform as Uniform
from rowmill.spec.kinds.boolean import BOOLEAN as BOOLEAN, Boolean as Boolean
from rowmill.spec.kinds.choice import CHOICE as CHOICE, Choice as Choice
from rowmill.spec.kinds.between import BETWEEN as BETWEEN, Between as Between
from rowmill.spec.kinds.weekday import WEEKDAY as WEEKDAY, Weekday as Weekday
from rowmill.spec.kinds.after import AFTER as AFTER, After as After
from rowmill.spec.kinds.normal import NORMAL as NORMAL, Normal as Normal
from rowmill.spec.kinds.lognormal import LOGNORMAL as LOGNORMAL, Lognormal as Lognormal
from rowmill.spec.kinds.exponential import EXPONENTIAL as EXPONENTIAL, Exponential as Exponential
from rowmill.spec.kinds.poisson import POISSON as POISSON, Poisson as Poisson
from rowmill.spec.kinds.beta import BETA as BETA, Beta as Beta
from rowmill.spec.kinds.gamma import GAMMA as GAMMA, Gamma as Gamma
from rowmill.spec.kinds.zipf import ZIPF as ZIPF, Zipf as Zipf
from rowmill.spec.kinds.uuid import UUID as UUID, Uuid as Uuid
from rowmill.spec.kinds.faker import FAKER as FAKER, Faker as Faker
from rowmill.spec.kinds.template import TEMPLATE as TEMPLATE, Template as Template
from rowmill.spec.kinds.pattern import PATTERN as PATTERN, Pattern as Pattern
from rowmill.spec.kinds.constant import CONSTANT as CONSTANT, Constant as Constant
from rowmill.spec.kinds.array import ARRAY as ARRAY, Array as Array
from rowmill.spec.kinds.parent import PARENT as PARENT, Parent as Parent
# isort: on

ENTRIES: tuple[KindEntry, ...] = tuple(
    each for each in tuple(vars().values()) if isinstance(each, KindEntry)
)
