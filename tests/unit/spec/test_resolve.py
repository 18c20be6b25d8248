"""What a valid manifest means: rows, kinds, links, keys and nulls of its dataset."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from rowmill.spec import kinds
from rowmill.spec.dataset import (
    ChildrenPer,
    Link,
    PickChildren,
    PickDistinct,
    PickOneToOne,
    PickProduct,
    PickTree,
    PickUniform,
    PickZipf,
)
from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.values.moments import DAY
from rowmill.spec.values.types import TypeName
from tests.unit.spec.manifests import (
    VALID,
    column_problems,
    problems,
    resolved,
    with_columns,
    with_tables,
)

ALL_VALID = sorted(path.stem for path in VALID.glob("*.yaml"))


@pytest.mark.parametrize("name", ALL_VALID)
def test_valid_manifests_resolve(name: str) -> None:
    dataset = resolved(name)
    assert dataset.data_version == 1
    assert all(table.columns for table in dataset.tables)


def test_valid_manifests_hold_every_type() -> None:
    columns = [c for name in ALL_VALID for t in resolved(name).tables for c in t.columns]
    assert {c.type.name for c in columns} == set(TypeName)
    assert {c.type.name for c in columns if c.type.array} == set(TypeName)


def test_documented_manifest() -> None:
    dataset = resolved("shop")
    assert (dataset.seed, dataset.locale) == (42, "en_US")
    assert {t.name: t.rows for t in dataset.tables} == {
        "countries": 40,
        "customers": 1_000_000,
        "orders": 10_000_000,
        "order_lines": 40_000_000,
    }
    customers = dataset.table("customers")
    assert customers.primary_key == ("id",)
    assert customers.unique == (("email",),)
    assert customers.indexes == (("country", "created_at"),)
    assert customers.links == (
        Link("country", ("country",), "countries", ("code",), PickZipf(1.3), 0.0),
    )
    assert customers.column("age").kind == kinds.Normal(40.0, 12.0, 18, 99)
    assert customers.column("age").nullable
    orders = dataset.table("orders")
    ordered_at = orders.column("ordered_at").kind
    assert isinstance(ordered_at, kinds.After)
    assert (ordered_at.column, ordered_at.via, ordered_at.mean) == (
        "created_at",
        "customer_id",
        90 * DAY,
    )
    assert orders.column("ship_country").kind == kinds.Parent("customer_id", "country")
    assert orders.column("total").kind == kinds.Lognormal(3.5, 0.8, None, Decimal("5000.00"))
    lines = dataset.table("order_lines")
    assert lines.children == ChildrenPer("order_id", Fraction(4), 1, 12)
    assert lines.link("order_id").pick == PickChildren()
    assert lines.primary_key == ("order_id", "line")


def test_scale_and_seed_can_be_overridden() -> None:
    spec = load_spec(VALID / "shop.yaml", overrides=Overrides(scale="0.001", seed=7))
    assert spec.dataset.seed == 7
    assert [t.rows for t in spec.dataset.tables] == [40, 1_000, 10_000, 40_000]


def test_a_scale_beyond_arithmetic_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="too many digits"):
        load_spec(VALID / "shop.yaml", overrides=Overrides(scale="1e999999"))


def test_scaled_rows() -> None:
    rows = {t.name: t.rows for t in resolved("scaled").tables}
    assert rows == {"one": 1, "three": 2, "five": 2, "none": 0, "fixed": 9, "children": 4}


def test_picks() -> None:
    tables = resolved("relations")
    picks = {(table.name, link.name): link.pick for table in tables.tables for link in table.links}
    junction = PickProduct(("product", "country"))
    assert picks == {
        ("people", "boss"): PickTree(3),
        ("people", "country"): PickZipf(1.0),
        ("profiles", "email"): PickOneToOne(),
        ("orders", "buyer"): PickChildren(),
        ("orders", "seller"): PickUniform(),
        ("lines", "buyer,number"): PickChildren(),
        ("lines", "product"): PickDistinct(),
        ("product_countries", "country"): junction,
        ("product_countries", "product"): junction,
        ("friends", "a"): PickProduct(("a", "b")),
        ("friends", "b"): PickProduct(("a", "b")),
        ("complaints", "who,what"): PickZipf(0.7),
        ("settled", "complaint"): PickChildren(),
        ("childless", "complaint"): PickChildren(),
    }
    complaints = tables.table("complaints")
    assert complaints.link("who,what").nulls == 0.3
    assert complaints.column("what").kind == kinds.Reference("who,what", "number")


def test_rows_per_totals_are_half_even_on_the_exact_decimal() -> None:
    tables = resolved("relations")
    assert tables.table("orders").rows == 135
    assert tables.table("lines").rows == 405
    assert tables.table("settled").rows == 20
    assert tables.table("childless").rows == 0


def test_nullable_is_where_nulls_can_flow() -> None:
    tables = resolved("relations")
    nullable = {(t.name, c.name) for t in tables.tables for c in t.columns if c.nullable}
    assert nullable == {
        ("people", "boss"),
        ("people", "boss_of_boss"),
        ("orders", "seller"),
        ("product_countries", "note"),
        ("complaints", "who"),
        ("complaints", "what"),
        ("complaints", "placed"),
    }


def test_a_template_of_a_nullable_column_is_nullable() -> None:
    table = with_columns(
        "name: a, type: text, generate: {template: '{b}'}",
        "name: b, type: text, generate: {template: '{c}'}",
        "name: c, type: text, nulls: 0.1",
    )
    assert [c.nullable for c in table.columns] == [True, True, True]


def test_unique_columns_become_keys_once() -> None:
    table = with_columns(
        "name: id, type: bigint, unique: true",
        "name: b, type: bigint, unique: true",
        "name: c, type: bigint",
        table="rows: 10, primaryKey: [id], unique: [[b], [c], [c, id]]",
    )
    assert table.unique == (("b",), ("c",), ("c", "id"))
    assert [c.unique for c in table.columns] == [True, True, True]


def test_weights_become_integers_in_proportion() -> None:
    table = with_columns(
        "name: a, type: text, generate: {choice: {values: [a, b, c], weights: [0.5, 0, 1.25]}}"
    )
    assert table.column("a").kind == kinds.Choice(("a", "b", "c"), (2, 0, 5))


def test_bounds_draw_in_to_the_type() -> None:
    table = with_columns(
        "name: a, type: integer, generate: {normal: {mean: 5, stddev: 1, min: 0.5, max: 9.9}}",
        "name: b, type: 'numeric(5,1)', generate: {number: {min: 0.11, max: 0.99}}",
        "name: c, type: bigint, generate: {number: {min: -1.5, max: 1.5}}",
    )
    assert table.column("a").kind == kinds.Normal(5.0, 1.0, 1, 9)
    assert table.column("b").kind == kinds.Uniform(Decimal("0.2"), Decimal("0.9"), 1)
    assert table.column("c").kind == kinds.Uniform(-1, 1, 0)


def test_wide_numerics_keep_all_their_digits() -> None:
    table = with_columns(
        "name: a, type: 'numeric(38,38)', generate: {normal: {mean: 0, stddev: 1}}"
    )
    most = Decimal("0." + "9" * 38)
    assert table.column("a").kind == kinds.Normal(0.0, 1.0, most.copy_negate(), most)


def test_distributions_end_at_their_type() -> None:
    table = with_columns(
        "name: a, type: smallint, generate: {normal: {mean: 0, stddev: 30000}}",
        "name: b, type: smallint, generate: {poisson: {mean: 32000}}",
        "name: c, type: 'numeric(3,1)', generate: {exponential: {mean: 50}}",
        "name: d, type: smallint, generate: {normal: {mean: 0, stddev: 1}}",
        "name: e, type: double precision, generate: {lognormal: {mu: 700, sigma: 9}}",
    )
    assert table.column("a").kind == kinds.Normal(0.0, 30000.0, -32768, 32767)
    assert table.column("b").kind == kinds.Poisson(32000.0, None, 32767)
    assert table.column("c").kind == kinds.Exponential(50.0, None, Decimal("99.9"))
    assert table.column("d").kind == kinds.Normal(0.0, 1.0, None, None)
    assert table.column("e").kind == kinds.Lognormal(700.0, 9.0, None, 1.7976931348623157e308)


def test_between_counts_in_the_units_of_the_type() -> None:
    table = with_columns(
        "name: a, type: date, generate: {between: {start: '1970-01-02', end: '1970-01-30', "
        "resolution: 7d}}",
        "name: b, type: time, generate: {between: {start: '00:00', end: '00:01', resolution: 1m}}",
        "name: c, type: interval, generate: {between: {start: 0s, end: 1d}}",
    )
    assert table.column("a").kind == kinds.Between(1, 29, 7)
    assert table.column("b").kind == kinds.Between(0, 60_000_000, 60_000_000)
    assert table.column("c").kind == kinds.Between(0, DAY, 1_000_000)


def test_the_last_day_of_an_after_counts() -> None:
    columns = (
        "name: a, type: date, generate: {constant: '2024-02-29'}",
        "name: b, type: date, generate: {after: {column: a, mean: 1h, min: 23h, max: 24h, "
        "end: '%s'}}",
    )
    assert column_problems(columns[0], columns[1] % "2024-02-29") == [
        "spec.tables[0].columns[1].generate.after.mean: is outside min to max; "
        "expected a mean between them"
    ]
    later = columns[1].replace("mean: 1h", "mean: 23h")
    assert column_problems(columns[0], later % "2024-02-29") == []
    assert len(column_problems(columns[0], later % "2024-02-28")) == 1


def test_entities_follow_the_prefix() -> None:
    table = with_columns(
        *(
            f"name: {name}, type: text, generate: {{faker: {{provider: {provider}}}}}"
            for name, provider in [
                ("name", "name"),
                ("email", "email"),
                ("buyer_first_name", "first_name"),
                ("BuyerEmail", "email"),
                ("contact", "name"),
                ("city", "city"),
                ("home_city", "city"),
            ]
        )
    )
    entities = [c.kind.entity for c in table.columns if isinstance(c.kind, kinds.Faker)]
    assert entities == ["", "", "buyer", "buyer", "contact", "city", "home_city"]


def test_names_infer_their_generators() -> None:
    table = resolved("types").table("named")
    providers = {c.name: c.kind.provider for c in table.columns if isinstance(c.kind, kinds.Faker)}
    assert providers == {
        "name": "name",
        "firstName": "first_name",
        "last_name": "last_name",
        "email": "email",
        "username": "user_name",
        "gender": "gender",
        "HomePhone": "phone_number",
        "street_address": "street_address",
        "city": "city",
        "country": "country",
        "country_code": "country_code",
        "postcode": "postcode",
        "company": "company",
        "job_title": "job",
        "url": "url",
        "description": "sentence",
        "ip_address": "ipv4",
    }
    assert table.column("age").kind == kinds.Uniform(18, 90, 0)
    # No room for a price of 900, nor for a person's name: what the type gets.
    assert table.column("small_price").kind == kinds.Uniform(Decimal("0.00"), Decimal("9.99"), 2)
    assert table.column("short_name").kind == kinds.Pattern("[a-z]{3}")


def test_keys_without_a_generator_are_unique_by_themselves() -> None:
    table = with_columns(
        "name: id, type: bigint",
        "name: email, type: text, unique: true",
        "name: code, type: char(4), unique: true",
        "name: address, type: inet, unique: true",
        table="rows: 100000, primaryKey: [id]",
    )
    assert table.column("id").kind == kinds.Sequence(1, 1)
    assert table.column("email").kind == kinds.Pattern(r"[a-z]{8}[0-9]{6}@example\.com")
    assert table.column("code").kind == kinds.Pattern("[a-z0-9]{4}")
    address = table.column("address").kind
    assert isinstance(address, kinds.Faker)
    assert address.pool == 200_000


def test_a_locale_without_a_provider_falls_back_to_the_type() -> None:
    dataset = with_tables(
        "[{name: t, rows: 1, columns: [{name: postcode, type: text}]}]", "locale: en_MS"
    )
    kind = dataset.table("t").column("postcode").kind
    assert isinstance(kind, kinds.Faker)
    assert kind.locale == "en_MS"


def test_a_key_that_holds_a_unique_key_needs_nothing_more() -> None:
    dataset = with_tables(
        "[{name: p, rows: 3, primaryKey: [id], columns: [{name: id, type: bigint}]}, "
        "{name: t, rows: 9, unique: [[a, b, c], [a, b]], columns: ["
        "{name: a, type: bigint, references: {table: p, column: id}}, "
        "{name: b, type: bigint, references: {table: p, column: id}}, "
        "{name: c, type: date}]}]"
    )
    assert dataset.table("t").link("a").pick == PickProduct(("a", "b"))


def test_problems_are_in_document_order_and_all_there() -> None:
    found = problems(
        "[{name: t, rows: 5, primaryKey: [x], columns: ["
        "{name: b, type: bigint, generate: {constant: x}}, "
        "{name: a, type: bigint, references: {table: u, column: id}}, "
        "{name: c, type: bigint, generate: {integer: {min: 3, max: 1}}}]}, "
        "{name: u, columns: [{name: id, type: bigint}]}]",
        "dataVersion: 99, locale: xx",
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "spec.locale",
        "spec.tables[0].primaryKey[0]",
        "spec.tables[0].columns[0].generate.constant",
        "spec.tables[0].columns[1].references.column",
        "spec.tables[0].columns[2].generate.integer.min",
        "spec.tables[1]",
        "spec.dataVersion",
    ]


def test_a_long_chain_of_tables_needs_no_recursion() -> None:
    tables = ["{name: t0, rows: 2, primaryKey: [id], columns: [{name: id, type: bigint}]}"]
    tables += [
        f"{{name: t{i}, rowsPer: {{table: t{i - 1}, mean: 1, max: 1}}, primaryKey: [id], "
        f"columns: [{{name: id, type: bigint, references: {{table: t{i - 1}, column: id}}}}]}}"
        for i in range(1, 1_500)
    ]
    dataset = with_tables(f"[{', '.join(tables)}]")
    assert dataset.tables[-1].rows == 2
