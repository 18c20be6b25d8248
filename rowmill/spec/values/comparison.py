"""What Postgres takes for equal in a unique column, though Rowmill writes it differently.

The numbers in a jsonb are compared by their value. (A char(n) is compared without the spaces at its
end: rowmill.spec.rules.end_spaces.)
"""

from __future__ import annotations

from rowmill.spec.values.jsonb import comparable_jsonb
from rowmill.spec.values.types import ColumnType, Literal, TypeName


def compared(value: Literal, column_type: ColumnType) -> Literal:
    """What stands for the value in comparisons: the same for two that Postgres takes for equal."""
    if isinstance(value, tuple):
        return tuple(compared(each, column_type.element) for each in value)
    if column_type.name is TypeName.JSONB:
        return comparable_jsonb(str(value))
    return value
