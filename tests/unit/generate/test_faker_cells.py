from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.required import make_pool, required_pools
from rowmill.generate.pools.shipped import shipped
from rowmill.generate.rows import Generator
from rowmill.spec.kinds import Faker, Sequence
from tests.unit.generate.text_datasets import cells, column, dataset, plain


def faker(
    provider: str,
    *args: tuple[str, int | str],
    entity: str = "",
    locale: str = "en_US",
    pool: int = 10_000,
) -> Faker:
    return Faker(provider, args, locale, pool, entity)


PERSONS = [
    column("name", "text", faker("name")),
    column("first", "text", faker("first_name")),
    column("last", "text", faker("last_name")),
    column("user", "text", faker("user_name")),
    column("email", "text", faker("email")),
    column("work", "text", faker("company_email")),
    column("gender", "text", faker("gender")),
    column("sex", "char(1)", faker("sex")),
    column("buyer_name", "text", faker("name", entity="buyer")),
    column("buyer_email", "text", faker("email", entity="buyer")),
]


def test_columns_of_one_entity_describe_one_person() -> None:
    rows = Generator(dataset(PERSONS)).batch("t", 0, 1000).to_pylist()
    for row in rows:
        assert row["first"] in row["name"]
        assert row["last"] in row["name"]
        assert row["email"].split("@")[0] == row["work"].split("@")[0] == row["user"]
        assert {"female": "F", "male": "M"}[row["gender"]] == row["sex"]
    known = shipped(PoolKey(PERSON, (), "en_US", 10_000, None, 1))
    assert known is not None
    genders = dict(zip(known.field("user_name").to_pylist(), known.field("gender"), strict=True))
    assert all(genders[row["user"]].as_py() == row["gender"] for row in rows)


def test_entities_differ_and_each_is_coherent() -> None:
    rows = Generator(dataset(PERSONS)).batch("t", 0, 1000).to_pylist()
    assert sum(row["name"] == row["buyer_name"] for row in rows) < 5
    users = {row["name"]: row["email"].split("@")[0] for row in rows}
    both = [row for row in rows if row["buyer_name"] in users]
    assert both
    assert all(row["buyer_email"].split("@")[0] == users[row["buyer_name"]] for row in both)


def test_a_persons_field_too_long_for_its_column_leaves_out_the_person() -> None:
    columns = [
        column("name", "varchar(11)", faker("name")),
        column("email", "varchar(22)", faker("email")),
        column("user", "text", faker("user_name")),
    ]
    rows = Generator(dataset(columns)).batch("t", 0, 1000).to_pylist()
    assert max(len(row["name"]) for row in rows) <= 11
    assert max(len(row["email"]) for row in rows) <= 22
    assert all(row["email"].startswith(row["user"] + "@") for row in rows)


@pytest.mark.parametrize("provider", ["city", "name", "email", "user_name", "ipv4", "ssn"])
def test_unique_cells_never_repeat(provider: str) -> None:
    found = cells(faker(provider), rows=2500, unique=True).to_pylist()
    assert len(set(found)) == 2500


def test_all_columns_of_an_entity_follow_the_unique_one() -> None:
    columns = [
        column("email", "text", faker("email"), unique=True),
        column("name", "text", faker("name")),
        column("user", "text", faker("user_name")),
    ]
    rows = Generator(dataset(columns, rows=10_000)).batch("t", 0, 10_000).to_pylist()
    assert len({row["email"] for row in rows}) == 10_000
    assert all(row["email"].startswith(row["user"] + "@") for row in rows)
    known = shipped(PoolKey(PERSON, (), "en_US", 10_000, None, 1))
    assert known is not None
    names = dict(zip(known.field("user_name").to_pylist(), known.field("name"), strict=True))
    assert all(names[row["user"]].as_py() == row["name"] for row in rows)


def test_a_field_that_repeats_among_persons_can_be_unique_too() -> None:
    found = cells(faker("first_name"), rows=500, unique=True).to_pylist()
    assert len(set(found)) == 500


def test_of_a_provider_that_has_no_more_values_no_larger_pool_is_asked() -> None:
    with pytest.raises(ValueError, match="only 140 different values that fit; use a template"):
        cells(faker("color_name"), rows=141, unique=True)


def test_where_a_larger_pool_has_more_values_it_is_asked_for() -> None:
    with pytest.raises(
        ValueError, match=r"only [0-9,]+ different values that fit; raise `pool`, or"
    ):
        cells(faker("email"), "varchar(22)", rows=9_000, unique=True)


def test_a_pool_takes_as_many_values_as_asked() -> None:
    assert len(set(cells(faker("city", pool=3), rows=500).to_pylist())) == 3


def test_values_are_drawn_evenly() -> None:
    found = cells(faker("city", pool=10), rows=20_000).to_pylist()
    counts = [found.count(city) for city in set(found)]
    assert len(counts) == 10
    # Four standard deviations of 20,000 draws of a tenth: 170.
    assert all(abs(count - 2000) < 170 for count in counts), counts


def test_texts_come_as_dictionaries_of_distinct_values() -> None:
    for kind in (faker("city"), faker("first_name")):
        one = dataset([column("c", "text", kind)])
        values = Generator(one).batch("t", 0, 1000).column(0)
        assert values.type == pa.dictionary(pa.int32(), pa.string())
        dictionary = values.dictionary.to_pylist()
        assert len(set(dictionary)) == len(dictionary)
        assert None not in dictionary


@pytest.mark.parametrize(
    ("type_name", "provider", "kind"),
    [
        ("numeric(9,6)", "latitude", Decimal),
        ("numeric(4,0)", "longitude", Decimal),
        ("double precision", "longitude", float),
        ("smallint", "random_int", int),
        ("bigint", "credit_card_number", int),
        ("boolean", "boolean", bool),
        ("inet", "ipv6", str),
        ("uuid", "uuid4", bytes),
        ("jsonb", "random_digit", str),
        ("bytea", "city", bytes),
        ("char(2)", "country_code", str),
    ],
)
def test_other_types_hold_what_fits_them(type_name: str, provider: str, kind: type) -> None:
    one = dataset([column("c", type_name, faker(provider, pool=50))], rows=200)
    pools = {key: make_pool(key) for key in required_pools(one)}
    values = plain(Generator(one, pools).batch("t", 0, 200).column(0)).to_pylist()
    assert all(isinstance(value, kind) for value in values)
    assert len(set(values)) > 1


def test_numbers_beyond_the_type_are_left_out() -> None:
    found = cells(faker("ean13"), "bigint", rows=200).to_pylist()
    assert min(found) > 2**31
    with pytest.raises(ValueError, match=r"provider 'ean13' .* fits the type"):
        cells(faker("ean13"), "smallint")


def test_a_missing_pool_is_named() -> None:
    one = dataset([column("c", "text", faker("city", locale="sv_SE"))])
    with pytest.raises(ValueError, match=r"pool of 'city' \(sv_SE, 10,000 values\)"):
        Generator(one).batch("t", 0, 1)


def test_a_made_pool_is_used() -> None:
    one = dataset([column("c", "text", faker("city", locale="sv_SE", pool=20))])
    pools = {key: make_pool(key) for key in required_pools(one)}
    found = plain(Generator(one, pools).batch("t", 0, 500).column(0)).to_pylist()
    assert set(found) == set(next(iter(pools.values())).to_pylist())


def test_the_order_and_the_batch_change_no_cell() -> None:
    generator = Generator(dataset(PERSONS, rows=3000))
    whole = generator.batch("t", 0, 3000).to_pylist()
    assert generator.batch("t", 1000, 1100).to_pylist() == whole[1000:1100]
    frame = generator.frame("t", np.array([2999, 7, 7, 0]))
    assert plain(frame.cells("email")).to_pylist() == [whole[r]["email"] for r in (2999, 7, 7, 0)]


def test_another_column_more_changes_no_cell() -> None:
    alone = cells(faker("city")).to_pylist()
    columns = [column("id", "bigint", Sequence(1, 1)), column("c", "text", faker("city"))]
    values = Generator(dataset(columns)).batch("t", 0, 1000, ["c"]).column(0)
    assert plain(values).to_pylist() == alone


def test_nulls_and_no_rows() -> None:
    assert 400 < cells(faker("city"), rows=1000, nulls=0.5).null_count < 600
    assert cells(faker("city"), rows=0).to_pylist() == []
