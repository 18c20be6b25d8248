"""Picks: for every kind of link who is a row's parent, and which rows are a parent's children.

To add a kind of pick, see "Adding a pick" in CONTRIBUTING.md.
"""

from rowmill.generate.picks.children import CHILDREN_PICKS
from rowmill.generate.picks.distinct import DISTINCT_PICKS
from rowmill.generate.picks.one_to_one import ONE_TO_ONE_PICKS
from rowmill.generate.picks.pick_builder import PickBuilder
from rowmill.generate.picks.product import PRODUCT_PICKS
from rowmill.generate.picks.tree import TREE_PICKS
from rowmill.generate.picks.uniform import UNIFORM_PICKS
from rowmill.generate.picks.zipf import ZIPF_PICKS

PICK_BUILDERS: tuple[PickBuilder, ...] = (
    UNIFORM_PICKS,
    ZIPF_PICKS,
    ONE_TO_ONE_PICKS,
    TREE_PICKS,
    CHILDREN_PICKS,
    PRODUCT_PICKS,
    DISTINCT_PICKS,
)
