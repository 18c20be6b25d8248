import hashlib
from dataclasses import replace

import pyarrow as pa
import pytest

from rowmill.generate.pools.key import PERSON, PERSON_TYPE, PoolKey
from rowmill.generate.pools.making import draw_distinct
from rowmill.generate.pools.required import make_pool, required_pools
from rowmill.generate.pools.shipped import NEUTRAL, shipped
from rowmill.spec.faker.providers import PERSON_FIELDS, providers
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import Array, Faker
from tests.unit.generate.text_datasets import column, dataset

LOCALES = "en_US de_DE fr_FR es_ES it_IT pt_BR ja_JP zh_CN en_GB nl_NL pl_PL"
# Of all pools that the last test reads. A change of it is a change of released data.
GOLDEN = "c61480b9bb4b9510bbc19b664ea567d4fb91fe5195f9017aa99b69e4f227ccd3"
# And of those that Faker draws.
DRAWN = "fc5bcd02fce7ee26d51dc6c2f0dbae78188e7e3fb4e91be7ae81e992e11d5aa6"
COMMON = "address city company country job paragraph phone_number postcode street_address text"


def key(
    provider: str,
    *args: tuple[str, int | str],
    locale: str = "en_US",
    size: int = 10_000,
    max_length: int | None = None,
) -> PoolKey:
    return PoolKey(provider, args, locale, size, max_length, 1)


def faker(provider: str, *, locale: str = "en_US", pool: int = 10_000, entity: str = "") -> Faker:
    return Faker(provider, (), locale, pool, entity)


@pytest.mark.parametrize("locale", LOCALES.split())
def test_the_common_pools_are_shipped_and_their_values_distinct(locale: str) -> None:
    for provider in [*COMMON.split(), *sorted(NEUTRAL)]:
        values = shipped(key(provider, locale=locale))
        assert values is not None, provider
        texts = values.to_pylist()
        assert len(set(texts)) == len(texts) > 0
        assert not any(text is None or "\0" in text for text in texts)


@pytest.mark.parametrize("locale", LOCALES.split())
def test_persons_are_shipped_and_coherent(locale: str) -> None:
    persons = shipped(key(PERSON, locale=locale))
    assert persons is not None
    assert persons.type == PERSON_TYPE
    assert len(persons) >= 5000
    rows = persons.to_pylist()
    for row in rows:
        assert row["first_name"] in row["name"]
        assert row["last_name"] in row["name"]
        assert row["gender"] in ("female", "male")
        assert row["user_name"].isascii()
    assert len({row["user_name"] for row in rows}) == len(rows)
    female = sum(row["gender"] == "female" for row in rows)
    assert abs(female / len(rows) - 0.5) < 0.03


def test_a_provider_of_the_shipped_files_is_a_known_one() -> None:
    assert set(providers(1)) >= NEUTRAL | set(PERSON_FIELDS)


def test_a_smaller_pool_is_the_beginning_of_the_larger() -> None:
    whole, some = shipped(key("city")), shipped(key("city", size=7))
    assert whole is not None
    assert some is not None
    assert some.to_pylist() == whole.to_pylist()[:7]


def test_what_is_longer_than_the_column_is_left_out() -> None:
    values = shipped(key("city", max_length=9))
    assert values is not None
    assert max(len(text) for text in values.to_pylist()) == 9


@pytest.mark.parametrize(
    "wanted",
    [
        key("city", size=10_001),
        key("sentence", ("nb_words", 3)),
        key("city", locale="sv_SE"),
        key("sentence", max_length=12),
        key("paragraph", max_length=10),
        replace(key("city"), version=2),
    ],
)
def test_other_pools_are_not_shipped(wanted: PoolKey) -> None:
    assert shipped(wanted) is None


def test_all_values_of_a_small_provider_are_shipped_however_many_are_asked_for() -> None:
    colors = shipped(key("color_name", size=200_000))
    assert colors is not None
    assert 100 < len(colors) < 200


def test_the_digest_is_stable_and_differs_by_every_field() -> None:
    one = key("city")
    assert one.digest == "1533ac80c15b16887a4601dd753d4f39570a81d46548a8b5ed256e0bc5add5a6"
    others = {
        key("city", size=9).digest,
        key("city", locale="de_DE").digest,
        key("city", max_length=9).digest,
        key("city", ("a", 1)).digest,
        key("city", ("a", "1")).digest,
        replace(one, version=2).digest,
        key("town").digest,
    }
    assert len(others | {one.digest}) == 8


def test_a_pool_made_twice_is_the_same_and_begins_the_larger() -> None:
    wanted = key("sentence", ("nb_words", 3), size=300)
    first, again = make_pool(wanted), make_pool(wanted)
    assert first.equals(again)
    assert make_pool(replace(wanted, size=400))[:300].equals(first)
    texts = first.to_pylist()
    assert len(set(texts)) == 300


def test_the_pools_that_are_drawn_are_as_released() -> None:
    """They are of the locked Faker: who changes that gives them a version of their own."""
    drawn = [
        make_pool(key("sentence", ("nb_words", 3), size=300)),
        make_pool(key("city", locale="sv_SE", size=300, max_length=9)),
        make_pool(key(PERSON, locale="sv_SE", size=100)),
    ]
    values = [pool.to_pylist() for pool in drawn]
    assert hashlib.sha256(repr(values).encode()).hexdigest() == DRAWN


def test_a_made_pool_respects_the_length() -> None:
    texts = make_pool(key("sentence", size=50, max_length=20)).to_pylist()
    assert len(texts) == 50
    assert max(map(len, texts)) <= 20


def test_an_exhausted_provider_gives_a_short_sorted_pool() -> None:
    texts = make_pool(key("month_name", size=1000, locale="sv_SE")).to_pylist()
    assert len(texts) == 12
    assert texts == sorted(texts)


def test_drawing_gives_up_after_fruitless_draws() -> None:
    calls = 0

    def draw() -> str:
        nonlocal calls
        calls += 1
        return "same"

    assert draw_distinct(draw, 10, lambda _: True) == (["same"], True)
    assert calls < 1000


def test_numbers_and_flags_are_texts() -> None:
    assert make_pool(key("random_digit", size=20)).to_pylist() == list("0123456789")
    assert make_pool(key("boolean", size=20)).to_pylist() == ["false", "true"]


def test_a_provider_that_never_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="gives no value of at most 3 characters"):
        make_pool(key("paragraph", max_length=3))
    with pytest.raises(ValueError, match=r"\(en_US\) gives no value that can be stored; take"):
        make_pool(key("lexify", ("text", "\0")))


def test_a_provider_that_raises_is_named_with_its_arguments() -> None:
    with pytest.raises(ValueError, match=r"random_int\(min=5, max=1\) of en_US fails"):
        make_pool(key("random_int", ("min", 5), ("max", 1)))


def test_persons_are_made_in_any_number() -> None:
    persons = make_pool(key(PERSON, locale="ja_JP", size=6000))
    assert len(persons) == 6000
    assert len(set(persons.field("user_name").to_pylist())) == 6000
    assert len(set(persons.field("name").to_pylist())) < 6000


def test_a_format_that_names_a_provider_that_is_not_there_takes_its_singular() -> None:
    """Every format of es_AR is such, so that no person could be made there."""
    persons = make_pool(key(PERSON, locale="es_AR", size=200)).to_pylist()
    assert len({person["name"] for person in persons}) == 200
    for person in persons:
        assert person["first_name"] in person["name"]
        assert person["last_name"] in person["name"]


def test_required_are_those_not_shipped_each_once() -> None:
    columns = [
        column("a", "text", faker("city")),
        column("b", "text", faker("city", locale="sv_SE")),
        column("c", "text", faker("city", locale="sv_SE")),
        column("d", "varchar(9)", faker("city", locale="sv_SE")),
        column("e", "text[]", Array(faker("job", locale="sv_SE"), 0, 2)),
        column("f", "text", faker("name", locale="sv_SE", entity="f")),
        column("g", "text", faker("email", locale="sv_SE", entity="f", pool=20_000)),
    ]
    assert required_pools(dataset(columns)) == [
        key("city", locale="sv_SE"),
        key("city", locale="sv_SE", max_length=9),
        key("job", locale="sv_SE"),
        key(PERSON, locale="sv_SE", size=20_000),
    ]


@pytest.mark.parametrize(("rows", "made"), [(5000, []), (5001, [key(PERSON, locale="de_DE")])])
def test_unique_columns_need_as_many_values_as_rows(rows: int, made: list[PoolKey]) -> None:
    kind: Kind = faker("email", locale="de_DE")
    one = dataset([column("email", "text", kind, unique=True)], rows=rows)
    assert required_pools(one) == made


def test_the_shipped_files_never_change() -> None:
    hashed = hashlib.sha256()
    for locale in LOCALES.split():
        for provider in (PERSON, *COMMON.split(), *sorted(NEUTRAL)):
            values = shipped(key(provider, locale=locale))
            assert values is not None
            for text in pa.concat_arrays([values]).to_pylist():
                hashed.update(repr(text).encode())
    assert hashed.hexdigest() == GOLDEN
