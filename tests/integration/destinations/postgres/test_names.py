"""Keys, indexes and references bear the names that Postgres itself would have given them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.tables.constraints import Step, steps
from rowmill.destinations.postgres.tables.staging import create_table
from rowmill.spec.dataset import Dataset, Link, PickUniform, Table
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    all_rows,
    column,
    dataset,
    refused,
    table,
    two_tables,
)
from tests.postgres_login import connect

_NAMES = (
    "SELECT conname::text FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = "
    "'shop'::regnamespace UNION SELECT indexname FROM pg_indexes WHERE schemaname = 'shop' "
    "ORDER BY 1"
)


def keyed(
    name: str,
    *,
    unique: Sequence[Sequence[str]] = (),
    indexes: Sequence[Sequence[str]] = (),
    references: Sequence[Sequence[str]] = (),
    key: Sequence[str] = ("id",),
) -> Table:
    """A table of bigint columns; each reference is to the whole key of the table itself."""
    columns = dict.fromkeys(
        each for group in (key, *unique, *indexes, *references) for each in group
    )
    return Table(
        name=name,
        rows=1,
        columns=tuple(column(each, "bigint") for each in columns),
        links=tuple(
            Link("", tuple(each), name, tuple(key), PickUniform(), 0.0) for each in references
        ),
        children=None,
        primary_key=tuple(key),
        unique=tuple(map(tuple, unique)),
        indexes=tuple(map(tuple, indexes)),
    )


_LONG = "é" * 31
_LONGEST = "x" * 63
_NAMED = {
    "what everybody has": dataset(
        keyed("orders", unique=[["email"], ["a", "b"]], indexes=[["a", "b"]], references=[["c"]])
    ),
    "names that are cut": dataset(
        keyed(_LONGEST, unique=[["a"], [_LONGEST]], indexes=[["a" * 40, "b" * 40, "c"]]),
        keyed("y" * 30, unique=[["a" * 63], ["b" * 30]], references=[["c" * 31]]),
    ),
    "names that are cut in a character": dataset(
        keyed(_LONG, unique=[["é" * 20], ["ü" * 31]], indexes=[["x" + "é" * 31, "b"]]),
        keyed("x" + _LONG[1:], references=[["日本語" * 7]], key=["日" * 21]),
    ),
    "names that are quoted": dataset(
        keyed('it\'s "%s" {}', unique=[['"'], ["A b", "%"]], references=[["{0}"], ["'"]])
    ),
    "names that would be the same": dataset(
        keyed("t", unique=[["a_b", "c"], ["a", "b_c"], ["a", "b", "c"]], indexes=[["x"]]),
        keyed(
            "t_a",
            unique=[["b", "c"]],
            references=[
                ["b_c"],
                [
                    "b",
                ],
            ],
            indexes=[["x"], ["b"]],
        ),
        keyed("t_a_b", unique=[["c"]], references=[["c"]]),
        keyed(_LONGEST, unique=[[_LONGEST], [_LONGEST[:-1]]], references=[["id"]]),
        keyed(_LONGEST[:-1], unique=[[_LONGEST]], references=[["id"]]),
    ),
    "tables that are named as keys": dataset(
        keyed("orders_pkey"),
        keyed("orders", unique=[["a"]], indexes=[["a"]], references=[["a"]]),
        keyed("orders_pkey1"),
        keyed("orders_a_key"),
        keyed("orders_a_idx"),
        keyed("orders_a_fkey"),
    ),
}


def unnamed(step: Step) -> sql.Composed:
    """The step as a user would do it who leaves the name to Postgres."""
    columns = sql.SQL(", ").join(map(sql.Identifier, step.columns))
    place = sql.Identifier("shop", step.table)
    if step.kind == "i":
        return sql.SQL("CREATE INDEX ON {} ({})").format(place, columns)
    what = {"p": "PRIMARY KEY", "u": "UNIQUE", "f": "FOREIGN KEY"}[step.kind]
    to: sql.Composable = sql.SQL("")
    if step.kind == "f":
        parents = sql.SQL(", ").join(map(sql.Identifier, step.parent_columns))
        to = sql.SQL("REFERENCES {} ({})").format(sql.Identifier("shop", step.parent), parents)
    return sql.SQL("ALTER TABLE {} ADD {} ({}) {}").format(place, sql.SQL(what), columns, to)


def newest(admin: Connection, step: Step) -> object:
    catalogue = (
        "SELECT relname FROM pg_class WHERE relkind = 'i'"
        if step.kind == "i"
        else "SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u', 'f')"
    )
    return all_rows(admin, f"{catalogue} ORDER BY oid DESC LIMIT 1")[0][0]


@pytest.mark.parametrize("data", _NAMED.values(), ids=_NAMED)
def test_the_names_are_those_that_postgres_gives(data: Dataset, database: dict[str, str]) -> None:
    with connect(database) as admin:
        admin.execute("CREATE SCHEMA shop")
        for each in data.tables:
            admin.execute(create_table("shop", each))
        for step in steps(data, "all"):
            admin.execute(unnamed(step))
            assert step.name == newest(admin, step)


def test_a_published_table_has_the_names_of_a_plain_create_table(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    Experiment(address, two_tables()).complete()
    with connect(database) as admin:
        names = all_rows(admin, _NAMES)
        admin.execute(
            "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop; CREATE TABLE shop.orders "
            "(id bigint PRIMARY KEY, total bigint, UNIQUE (id, total)); CREATE TABLE shop.lines "
            "(id bigint PRIMARY KEY, parent_id bigint REFERENCES shop.orders); "
            "CREATE INDEX ON shop.orders (total)"
        )
        assert names == all_rows(admin, _NAMES)
        assert names[:2] == [("lines_parent_id_fkey",), ("lines_pkey",)]


def test_names_are_the_same_whatever_constraints_are_asked_for() -> None:
    for data in _NAMED.values():
        every = steps(data, "all")
        assert steps(data, "keys") == [step for step in every if step.kind in "pu"]


@pytest.mark.parametrize("definition", ["(total DESC)", "(total)"])
def test_an_index_that_a_user_made_under_a_name_that_is_planned_later(
    address: PostgresAddress, database: dict[str, str], definition: str
) -> None:
    """It is the run's own if it is what the run makes, and refused by name if it is not."""
    orders, lines = two_tables().tables
    bare = Experiment(address, dataset(replace(orders, indexes=()), lines))
    indexed = Experiment(address, two_tables())
    bare.complete()
    with connect(database) as admin:
        admin.execute(f"CREATE INDEX orders_total_idx ON shop.orders {definition}")
        admin.execute("COMMENT ON INDEX shop.orders_total_idx IS 'a comment'")
        bare.complete()
        kept = all_rows(admin, f"{_NAMES}")
        assert ("orders_total_idx",) in kept
        if definition == "(total)":
            indexed.complete()
            assert all_rows(admin, _NAMES) == kept
            comment = "SELECT obj_description('shop.orders_total_idx'::regclass)"
            assert all_rows(admin, comment) == [("a comment",)]
        else:
            with pytest.raises(DestinationRefused, match=r"index orders_total_idx on shop\.orders"):
                indexed.start()


def test_a_number_at_the_end_of_a_name_goes_and_comes_with_what_it_was_for(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    lone = dataset(table("orders", extra=("total",)))
    pair = dataset(*lone.tables, table("orders_pkey"))
    total = [("orders_id_total_key",), ("orders_total_idx",)]
    with connect(database) as admin:
        Experiment(address, pair).complete()
        assert all_rows(admin, _NAMES) == [
            total[0],
            ("orders_pkey1",),
            ("orders_pkey_pkey",),
            total[1],
        ]
        Experiment(address, lone).complete()
        assert all_rows(admin, _NAMES) == [total[0], ("orders_pkey",), total[1]]


def test_what_hangs_on_a_key_whose_number_changes_is_refused_before_the_load(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    lone = dataset(table("orders"))
    pair = dataset(*lone.tables, table("orders_pkey"))
    Experiment(address, pair).complete()
    with connect(database) as admin:
        admin.execute("CREATE POLICY orders_pkey10 ON shop.orders")
        admin.execute("COMMENT ON COLUMN shop.orders.id IS 'as in orders_pkey1'")
        Experiment(address, lone).start()
        admin.execute("ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_pkey1")
        with pytest.raises(DestinationRefused, match="this run names orders_pkey1 orders_pkey"):
            Experiment(address, lone).start()
        admin.execute("ALTER TABLE shop.orders RENAME CONSTRAINT orders_pkey1 TO mine")
        Experiment(address, lone).complete()
        assert all_rows(admin, _NAMES) == [("mine",)]


_NOT_NULLS = (
    "SELECT conrelid::regclass::text, conname::text FROM pg_constraint WHERE contype = 'n' "
    "AND connamespace = 'shop'::regnamespace ORDER BY 1, 2"
)


def numbered_not_nulls() -> Dataset:
    """Tables of which Postgres 18 numbers NOT NULLs, one of a name that it has to cut besides."""
    return dataset(
        table("a", key="b_id"),
        table("a_b", extra=("n",)),
        table("l" * 50, extra=("m" * 40 + "1", "m" * 40 + "2")),
    )


def test_a_manifest_runs_again_whose_not_nulls_postgres_numbers(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    again = Experiment(address, numbered_not_nulls())
    again.complete()
    with connect(database) as admin:
        named = all_rows(admin, _NOT_NULLS)
        assert ("shop.a_b", "a_b_id_not_null1") in named
        again.complete()
        assert all_rows(admin, _NOT_NULLS) == named


def test_a_users_name_of_a_not_null_that_was_numbered_or_cut_is_refused(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    again = Experiment(address, numbered_not_nulls())
    again.complete()
    with connect(database) as admin:
        numbered = [row for row in all_rows(admin, _NOT_NULLS) if str(row[1]).endswith("l1")]
        assert [on for on, _ in numbered] == ["shop.a_b", f"shop.{'l' * 50}"]
        for on, name in numbered:
            admin.execute(f"ALTER TABLE {on} RENAME CONSTRAINT {name} TO mine")
    said = str(refused(again))
    assert all(f"NOT NULL mine of {on}." in said for on, _ in numbered)


def test_a_not_null_that_a_user_set_may_come_with_the_manifest_under_another_number(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    first, second = dataset(table("a", key="b_n"), table("a_b", extra=("n",))).tables
    loose = tuple(replace(each, nullable=each.name == "n") for each in second.columns)
    before = Experiment(address, dataset(first, replace(second, columns=loose)))
    before.complete()
    with connect(database) as admin:
        admin.execute("ALTER TABLE shop.a_b ALTER COLUMN n SET NOT NULL")
        assert ("shop.a_b", "a_b_n_not_null1") in all_rows(admin, _NOT_NULLS)
        before.complete()
        assert ("shop.a_b", "a_b_n_not_null1") in all_rows(admin, _NOT_NULLS)
        Experiment(address, dataset(second, first)).complete()
        assert ("shop.a_b", "a_b_n_not_null") in all_rows(admin, _NOT_NULLS)


def test_new_tables_may_bear_the_names_of_what_goes_with_an_old_table(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    """Of an index, a key, and the type of its arrays."""
    lone = dataset(keyed("a", indexes=[["b_x"]]))
    named = ["_a", "a_b_x_idx", "a_pkey"]
    wider = Experiment(address, dataset(*lone.tables, *map(keyed, named)))
    Experiment(address, lone).complete()
    wider.complete()
    with connect(database) as admin:
        tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'shop' ORDER BY 1"
        assert [name for (name,) in all_rows(admin, tables)] == sorted(["a", *named])
        names = all_rows(admin, _NAMES)
        wider.complete()
        assert all_rows(admin, _NAMES) == names


def test_new_tables_of_the_names_of_users_indexes_are_refused_while_their_table_stays(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    lone = dataset(keyed("a", indexes=[["b_x"]]))
    named = dataset(keyed("made"), keyed("put"), keyed("renamed"))
    Experiment(address, lone).complete()
    with connect(database) as admin:
        admin.execute("CREATE INDEX made ON shop.a (b_x DESC)")
        admin.execute("ALTER TABLE shop.a ADD CONSTRAINT put UNIQUE (b_x)")
        admin.execute("ALTER INDEX shop.a_b_x_idx RENAME TO renamed")
    said = str(refused(Experiment(address, dataset(*lone.tables, *named.tables))))
    for each in ("index made", "unique key put", "index renamed"):
        assert f"{each} on shop.a, whose name this run gives to a table" in said
    Experiment(address, named).complete()


def test_a_new_table_of_the_name_of_an_index_on_anothers_table_is_refused(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    Experiment(address, dataset(keyed("a"))).complete()
    other = Experiment(address, dataset(keyed("a_pkey")), owner="engine/local/other")
    assert refused(other).reason == "TableExists"
