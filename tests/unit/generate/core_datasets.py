"""A dataset with every kind of number, date, choice and link, and short ways to build others."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from rowmill.spec import kinds
from rowmill.spec.dataset import (
    ChildrenPer,
    Column,
    Dataset,
    Link,
    Pick,
    PickChildren,
    PickDistinct,
    PickOneToOne,
    PickProduct,
    PickTree,
    PickUniform,
    PickZipf,
    Table,
)
from rowmill.spec.values.types import parse_type

DAY = 86_400_000_000
HOUR = 3_600_000_000


def column(
    name: str, type_text: str, kind: kinds.Kind, *, nulls: float = 0.0, unique: bool = False
) -> Column:
    return Column(name, parse_type(type_text), kind, nulls, nulls > 0, unique)


def key_column() -> Column:
    return column("id", "bigint", kinds.Sequence(1, 1), unique=True)


def table(
    name: str,
    rows: int,
    *columns: Column,
    links: tuple[Link, ...] = (),
    children: ChildrenPer | None = None,
) -> Table:
    return Table(name, rows, columns, links, children, (), (), ())


def link(name: str, parent: str, pick: Pick, *, nulls: float = 0.0) -> Link:
    return Link(name, (name,), parent, ("id",), pick, nulls)


def reference(name: str, target: str = "id", type_text: str = "bigint") -> Column:
    return column(name, type_text, kinds.Reference(name, target))


def dataset(*tables: Table, seed: int = 42) -> Dataset:
    return Dataset(seed, "en_US", 1, tables)


def one_column(kind: kinds.Kind, type_text: str, rows: int, **more: Any) -> Dataset:
    """A table `t` of one column `c`."""
    return dataset(table("t", rows, column("c", type_text, kind, **more)))


def picked(pick: Pick, parents: int, rows: int, *, nulls: float = 0.0) -> Dataset:
    """A table `t` whose `parent_id` refers to `p`."""
    return dataset(
        table("p", parents, key_column()),
        table(
            "t", rows, reference("parent_id"), links=(link("parent_id", "p", pick, nulls=nulls),)
        ),
    )


def families(parents: int, mean: str, low: int, high: int, *, seed: int = 42) -> Dataset:
    """A table `t` with so many children per row of `p`."""
    exact = Fraction(mean)
    return dataset(
        table("p", parents, key_column()),
        table(
            "t",
            round(parents * exact),
            reference("parent_id"),
            column("line", "integer", kinds.Ordinal()),
            links=(link("parent_id", "p", PickChildren()),),
            children=ChildrenPer("parent_id", exact, low, high),
        ),
        seed=seed,
    )


def everything() -> Dataset:
    """Tables beyond the size that is kept whole, small ones, an empty one, one of one row."""
    return dataset(
        _numbers(), _choices(), _moments(), _regions(), _nothing(), _people(), _orders(), _lines(),
        _visits(), _notes(), _follows(),
    )  # fmt: skip


def _numbers() -> Table:
    uniform = kinds.Uniform
    far = Decimal(10**38 - 1)
    return table(
        "numbers",
        300_000,
        key_column(),
        column("down", "numeric(12,3)", kinds.Sequence(-5, -7)),
        column("huge", "numeric(38,0)", kinds.Sequence(10**37, 10**30)),
        column("small", "smallint", uniform(-(2**15), 2**15 - 1, 0)),
        column("digit", "integer", uniform(0, 9, 0), nulls=0.25),
        column("any", "bigint", uniform(-(2**63), 2**63 - 1, 0)),
        column("any_unique", "bigint", uniform(-(2**63), 2**63 - 1, 0), unique=True),
        column("most", "bigint", uniform(-(2**62), 2**61, 0)),
        column("one_of_many", "integer", uniform(-1_000_000, 1_000_000, 0), unique=True),
        column("price", "numeric(10,2)", uniform(Decimal("0.99"), Decimal("99999.99"), 2)),
        column("rough", "numeric(10,2)", uniform(Decimal("-7"), Decimal("7.04"), 1)),
        column("wide", "numeric(38,0)", uniform(-far, far, 0)),
        column("wide_unique", "numeric(38,5)", uniform(-far / 10**5, far / 10**5, 5), unique=True),
        column("real", "real", uniform(0.1, 0.2, None)),
        column("double", "double precision", uniform(-1.7e308, 1.7e308, None)),
        column("tenths", "double precision", uniform(0.1, 0.7, 1)),
        column("yes", "boolean", kinds.Boolean(0.125), nulls=0.5),
        column("answer", "integer", kinds.Constant(42)),
        column("never", "integer", kinds.Constant(42), nulls=1.0),
    )


def _choices() -> Table:
    choice = kinds.Choice
    uuids = ("00000000-0000-4000-8000-000000000001", "ffffffff-0000-7000-8000-000000000002")
    return table(
        "choices",
        100_000,
        column("size", "text", choice(("s", "m", "l", "s"), (3, 2, 0, 1)), nulls=0.1),
        column("level", "integer", choice((10, 20, 30), None)),
        column("rate", "numeric(4,2)", choice((Decimal("0.07"), Decimal("0.19")), (1, 9))),
        column("pause", "interval", choice(((1, 2, 3), (0, -1, 0)), None)),
        column("tags", "text[]", choice((("a", "b"), (), ("c",)), None), nulls=0.1),
        column("blob", "bytea", choice((b"\x00", b""), None)),
        column("token", "uuid", choice(uuids, None)),
        column("holiday", "date", choice((0, 365), None)),
        column("flag", "boolean", choice((True, False), (1, 3))),
        column("fixed", "timestamptz", kinds.Constant(1_600_000_000_000_000)),
    )


def _moments() -> Table:
    between = kinds.Between
    return table(
        "moments",
        200_000,
        column("day", "date", between(-700_000, 20_000, 1)),
        column("clock", "time", between(0, DAY - 1, 1)),
        column("at", "timestamp", between(-(10**15), 10**15, 10**6), nulls=0.1),
        column("at_unique", "timestamptz", between(0, 10**15, 10**6), unique=True),
        column("wait", "interval", between(-30 * DAY, 30 * DAY, 1)),
        column("later", "timestamp", kinds.After("at", None, 90 * DAY, 0, None, 10**15)),
        column("soon", "timestamptz", kinds.After("at", None, DAY, HOUR, 3 * DAY, None)),
        column("due", "date", kinds.After("day", None, 9 * DAY, DAY, 30 * DAY, 20_000 * DAY)),
    )


def _regions() -> Table:
    return table(
        "regions",
        7,
        key_column(),
        column("code", "char(1)", kinds.Choice(tuple("ABCDEFGH"), None), unique=True),
        column("open", "boolean", kinds.Boolean(0.5)),
    )


def _nothing() -> Table:
    return table("nothing", 0, key_column(), column("word", "text", kinds.Choice(("a",), None)))


def _people() -> Table:
    return table(
        "people",
        150_001,
        key_column(),
        reference("region", "code", "char(1)"),
        reference("boss"),
        reference("mentor"),
        reference("badge"),
        reference("none"),
        column("word", "text", kinds.Parent("none", "word")),
        column("region_open", "boolean", kinds.Parent("region", "open")),
        column("boss_region", "char(1)", kinds.Parent("boss", "region")),
        column("born", "date", kinds.Between(-10_000, 10_000, 1), nulls=0.1),
        links=(
            link("region", "regions", PickZipf(1.3), nulls=0.05),
            link("boss", "people", PickTree(3)),
            link("mentor", "numbers", PickZipf(1.1)),
            link("badge", "numbers", PickOneToOne()),
            link("none", "nothing", PickUniform(), nulls=0.5),
        ),
    )


def _orders() -> Table:
    return table(
        "orders",
        round(150_001 * Fraction("1.73")),
        key_column(),
        reference("person"),
        column("number", "integer", kinds.Ordinal()),
        reference("region"),
        column("placed", "timestamp", kinds.After("born", "person", 900 * DAY, 0, None, None)),
        links=(
            link("person", "people", PickChildren()),
            link("region", "regions", PickDistinct()),
        ),
        children=ChildrenPer("person", Fraction("1.73"), 0, 7),
    )


def _lines() -> Table:
    return table(
        "lines",
        round(round(150_001 * Fraction("1.73")) * Fraction("2.5")),
        reference("order"),
        column("line", "smallint", kinds.Ordinal()),
        column("region", "bigint", kinds.Parent("order", "region")),
        links=(link("order", "orders", PickChildren()),),
        children=ChildrenPer("order", Fraction("2.5"), 1, 20),
    )


def _visits() -> Table:
    both = ("person", "region")
    return table(
        "visits",
        900_000,
        reference("person"),
        reference("region", "code", "char(1)"),
        links=(
            link("person", "people", PickProduct(both)),
            link("region", "regions", PickProduct(both)),
        ),
    )


def _notes() -> Table:
    name = "order,line"
    return table(
        "notes",
        1,
        column("order", "bigint", kinds.Reference(name, "order")),
        column("line", "smallint", kinds.Reference(name, "line")),
        links=(Link(name, ("order", "line"), "lines", ("order", "line"), PickUniform(), 0.0),),
    )


def _follows() -> Table:
    name = "order,line"
    return table(
        "follows",
        100_000,
        column("order", "bigint", kinds.Reference(name, "order")),
        column("line", "smallint", kinds.Reference(name, "line")),
        column("person", "bigint", kinds.Parent(name, "region")),
        links=(Link(name, ("order", "line"), "lines", ("order", "line"), PickUniform(), 0.2),),
    )
