"""Faker cells: draws from a pool, one person's fields from the same row of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.arrow_types import is_text
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import integers
from rowmill.generate.draws.keys import derive_key
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame
from rowmill.generate.nulls import is_valid
from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.required import entity_columns, pool_key
from rowmill.generate.pools.shipped import shipped
from rowmill.generate.text.from_text import from_text
from rowmill.spec.dataset import Column
from rowmill.spec.faker.providers import MAX_POOL
from rowmill.spec.kinds import Faker

_DOMAINS = {
    "email": "safe_domain",
    "safe_email": "safe_domain",
    "free_email": "free_domain",
    "company_email": "company_domain",
    "ascii_email": "safe_domain",
    "ascii_safe_email": "safe_domain",
    "ascii_free_email": "free_domain",
    "ascii_company_email": "company_domain",
}


def _build(context: Context) -> Cells:
    """A value of the pool, of texts as a dictionary array.

    Values that the column's type can't hold are left out; columns of one entity leave out the same
    persons. Unique cells permute the pool.

    Raises:
        ValueError: no value of the pool fits, a unique column has fewer values than rows, or the
            pool must be made first and isn't among the context's.
    """
    column, kind = context.column, context.column.kind
    assert isinstance(kind, Faker)
    key = pool_key(context.dataset, context.table, column, kind, column.type)
    pool = _pool(context, key)
    if key.provider == PERSON:
        drawn = _draw_person(context, kind, pool)
    else:
        values = from_text(pool, column.type)
        rows = np.flatnonzero(is_valid(values))
        distinct = _distinct(values.take(pa.array(rows)))
        draw_key = context.key("value")
        drawn = _Drawn(distinct, np.arange(len(distinct)), draw_key, column.unique)
    # A pool that ends short has all that the provider gives.
    more = len(pool) == key.size and key.size < MAX_POOL
    _check(context, kind, len(drawn.places), more=more)
    return _cells(drawn)


@dataclass(frozen=True)
class _Drawn:
    """What is drawn: `distinct` values, of which entry e of the pool has number `places[e]`."""

    distinct: pa.Array
    places: NDArray[np.int64]
    key: int
    unique: bool


def _cells(drawn: _Drawn) -> Cells:
    places, size = drawn.places.astype(np.int32), len(drawn.places)
    permutation = Permutation(drawn.key, size) if drawn.unique else None

    def entries(frame: Frame) -> NDArray[np.int64]:
        if permutation is not None:
            return permutation.forward(frame.rows)
        return integers(drawn.key, frame.rows, size)

    def cells(frame: Frame) -> pa.Array:
        # The columns of an entity share the draw.
        entry = frame.once(("faker", drawn.key, size), lambda: entries(frame))
        picked = pa.array(places[entry])
        if is_text(drawn.distinct.type):
            return pa.DictionaryArray.from_arrays(picked, drawn.distinct)
        return drawn.distinct.take(picked)

    return cells


def _pool(context: Context, key: PoolKey) -> pa.Array:
    if key in context.pools:
        return context.pools[key]
    pool = shipped(key)
    if pool is None:
        raise ValueError(
            f"the pool of {key.provider!r} ({key.locale}, {counted(key.size, 'value')}) is not "
            "shipped and was not made: pass what required_pools() names to the Generator"
        )
    return pool


def _draw_person(context: Context, kind: Faker, pool: pa.Array) -> _Drawn:
    """The persons that all columns of the entity can hold, this column's field of them."""
    column = context.column
    siblings, owner = entity_columns(context.table, kind), kind.entity
    if all(other is not column for other, _ in siblings):
        # The elements of an array: persons of their own.
        siblings, owner = [(column, kind)], column.name
    fits = [_fitting_persons(pool, other, other_kind) for other, other_kind in siblings]
    persons = np.flatnonzero(reduce(np.logical_and, fits))
    values = from_text(_field(pool, kind.provider), column.type).take(pa.array(persons))
    distinct = _distinct(values)
    places = pc.index_in(values, distinct).to_numpy().astype(np.int64)
    unique = any(other.unique for other, _ in siblings)
    key = derive_key(context.dataset.seed, context.table.name, owner, "entity", context.version)
    return _Drawn(distinct, places, key, unique)


def _fitting_persons(pool: pa.Array, column: Column, kind: Faker) -> NDArray[np.bool_]:
    """Which persons' field the column can hold; if it is unique, the first of each value."""
    values = from_text(_field(pool, kind.provider), column.type)
    fits = is_valid(values)
    if column.unique:
        first = np.zeros(len(values), dtype=np.bool_)
        first[pc.index_in(_distinct(values), values).to_numpy(zero_copy_only=False)] = True
        fits = fits & first
    return fits


def _field(pool: pa.Array, provider: str) -> pa.Array:
    if provider == "sex":
        return pc.if_else(pc.equal(pool.field("gender"), "female"), "F", "M")
    if provider in _DOMAINS:
        return pc.binary_join_element_wise(
            pool.field("user_name"), pool.field(_DOMAINS[provider]), "@"
        )
    return pool.field(provider)


def _distinct(values: pa.Array) -> pa.Array:
    """The distinct values that aren't null, in the order of their first place."""
    return pc.drop_null(pc.unique(values))


def _check(context: Context, kind: Faker, size: int, *, more: bool) -> None:
    """Refuse a pool of which only `size` values fit, if more are needed.

    `more` says whether a larger pool would have more.
    """
    column = context.column
    where = f"{context.table.name}.{column.name}"
    if size == 0:
        raise ValueError(
            f"{where}: no value of the Faker provider {kind.provider!r} ({kind.locale}) fits the "
            f"type {column.type}; make the type longer or take another provider"
        )
    if column.unique and size < context.rows:
        right = "use a template with a unique column, or fewer rows"
        if more:
            right = "raise `pool`, or use a template with a unique column"
        raise ValueError(
            f"{where} must be unique over {counted(context.rows, 'row')} but {kind.provider!r} "
            f"({kind.locale}) gives only {counted(size, 'different value')} that fit; {right}"
        )


FAKER_CELLS = CellBuilder(Faker, {1: _build})
