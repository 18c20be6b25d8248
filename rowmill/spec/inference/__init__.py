"""Inferred generators: what fills a column that says nothing, by the rules of a data version.

Each version of the rules is a module that never changes once its data version is closed.
"""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft
from rowmill.spec.inference import v1, v2
from rowmill.spec.inference.rules import Inferred, Rules
from rowmill.spec.values.types import ColumnType
from rowmill.spec.versions import rule_version

_RULES: dict[int, Rules] = {1: v1.RULES, 2: v2.RULES}


def infer(column: ColumnDraft, locale: str, data_version: int) -> Inferred:
    """The generator of a column that names none, and why it is this one."""
    return _rules(data_version).infer(column, locale, data_version)


def is_passed_over(name: str, kind: ColumnType, locale: str, rows: int, data_version: int) -> bool:
    """Whether a unique column of this name gets what its type gets, and would not otherwise."""
    return _rules(data_version).is_passed_over(name, kind, locale, rows, data_version)


def default_entity(name: str, person: bool, data_version: int) -> str:
    """Whose field a Faker column is: of a person's `buyer_email` the `buyer`.

    A plain `name` or `email` is of the row's one common person, "". Any other column has an entity
    of its own, so that two of them are drawn apart.
    """
    return _rules(data_version).default_entity(name, person)


def _rules(data_version: int) -> Rules:
    return _RULES[rule_version(data_version, "inference")]
