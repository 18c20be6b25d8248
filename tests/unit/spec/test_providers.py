import hashlib
import json
import logging
from importlib import resources

import pytest
from faker import VERSION, Faker

from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.making import draw_pool
from rowmill.spec.faker import providers as module
from rowmill.spec.faker.providers import (
    MAX_POOL,
    PERSON_FIELDS,
    check_arguments,
    count_values,
    find_provider,
    locales,
    providers,
)
from rowmill.spec.inference import infer
from rowmill.spec.versions import VERSIONS
from tests.unit.spec.inferred_cases import draft_of
from tests.unit.spec.manifests import problems

# What is inferred, and whose field a column is, follow from the table: another belongs to an open
# data version, beside this one.
RELEASED = "b60d818eb040db0f3a1130410640d13a2f528a71554538ae0d93f5f03e62ac28"
COUNTED = "535062ff35cc64582ffaab5b4e75eb6e8d3629f2061f5d61014b3d61ee65d99c"
RETURNED = {"str": "str", "int": "int", "float": "float", "bool": "bool", "decimal": "Decimal"}


def test_the_table_of_providers_is_as_released() -> None:
    table = resources.files("rowmill.spec.faker").joinpath("providers.json").read_bytes()
    assert hashlib.sha256(table).hexdigest() == RELEASED


def test_the_counts_of_values_are_as_released() -> None:
    counts = resources.files("rowmill.spec.faker").joinpath("provider_values.json").read_bytes()
    assert hashlib.sha256(counts).hexdigest() == COUNTED


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> int:
    """A data version with a table of providers of its own: `kettle`, in one new locale."""
    entry = {"returns": "str", "arguments": {}}
    documents = {
        "later.json": {"locales": "tea_TEA", "providers": {"kettle": entry}},
        "later_values.json": {"values": {"kettle": {"": 3}}},
    }
    real = module._read
    monkeypatch.setattr(module, "_read", lambda name: documents.get(name) or real(name))
    monkeypatch.setitem(module._TABLES, 2, tuple(documents))
    monkeypatch.setitem(VERSIONS, 3, VERSIONS[2] | {"providers": 2})
    return 3


def test_a_data_version_goes_by_its_own_table(later: int) -> None:
    kettle = "name: x, type: text, generate: {faker: {provider: kettle}}"
    unique = f"[{{name: t, rows: 4, columns: [{{{kettle}, unique: true}}]}}]"
    [problem] = problems(unique, f"dataVersion: {later}, locale: tea_TEA")
    assert 'has 3 values, all that the provider "kettle" gives in tea_TEA, for 4 rows' in problem
    plain = unique.replace(", unique: true", "")
    assert problems(plain, f"dataVersion: {later}, locale: tea_TEA") == []
    assert len(problems(plain, f"dataVersion: {later}, locale: en_US")) == 1
    for data_version in (1, 2):
        told = problems(plain, f"dataVersion: {data_version}, locale: tea_TEA")
        assert ["no known locale" in told[0], "no known Faker provider" in told[1]] == [True] * 2


def test_what_is_inferred_goes_by_that_table_too(later: int) -> None:
    city = draft_of("city", "varchar(60)", unique=False, rows=3)
    known = {version: infer(city, "en_US", version).generate.member[0] for version in (2, later)}
    assert known == {2: "faker", later: "pattern"}


def test_a_provider_of_the_table_exists_in_faker_and_returns_what_the_table_says() -> None:
    logging.disable()
    try:
        for locale in ("en_US", "de_DE", "ja_JP"):
            faker = Faker(locale)
            faker.seed_instance(7)
            for provider in providers(1).values():
                if provider.person or locale not in provider.locales:
                    continue
                value = getattr(faker, provider.name)()
                assert type(value).__name__ == RETURNED[provider.returns], provider.name
    finally:
        logging.disable(logging.NOTSET)


def test_the_common_providers_and_locales_are_known() -> None:
    for name in ("name", "city", "company", "job", "phone_number", "text", "ipv4", "iban"):
        for locale in ("en_US", "de_DE", "fr_FR", "ja_JP", "pt_BR", "zh_CN", "pl_PL"):
            assert find_provider(name, locale, 1).name == name
    assert len(locales(1)) > 90


@pytest.mark.parametrize("name", ["date_of_birth", "date_this_year", "uuid1", "credit_card_expire"])
def test_what_reads_the_clock_is_left_out(name: str) -> None:
    assert name not in providers(1)


@pytest.mark.parametrize(
    ("name", "locale"),
    [("state", "en_US"), ("color_name", "de_DE"), ("job", "ja_JP"), ("country", "fr_FR")],
)
def test_a_count_is_the_size_of_the_pool_that_is_made(name: str, locale: str) -> None:
    for size in (5_000, MAX_POOL):
        pool = draw_pool(PoolKey(name, (), locale, size, None, 1))
        assert count_values(name, locale, 1) == len(pool) < size


def test_names_are_counted_where_they_are_few() -> None:
    persons = draw_pool(PoolKey(PERSON, (), "en_NG", 3_000, None, 1))
    assert count_values("name", "en_NG", 1) == len(set(persons.field("name").to_pylist())) == 800
    assert count_values("name", "en_US", 1) is None


def test_what_has_many_values_or_none_is_not_counted() -> None:
    assert count_values("sentence", "en_US", 1) is None
    assert count_values("email", "en_NG", 1) is None
    # A provider of some locales alone.
    assert count_values("prefecture", "ja_JP", 1) == 47
    assert count_values("prefecture", "en_US", 1) is None


def test_the_counts_are_of_the_faker_that_makes_the_pools() -> None:
    document = json.loads(
        resources.files("rowmill.spec.faker").joinpath("provider_values.json").read_text("utf-8")
    )
    assert document["faker"] == VERSION
    assert document["values"].keys() <= providers(1).keys()


def test_the_persons_fields_are_known_in_every_locale() -> None:
    for name in PERSON_FIELDS:
        assert find_provider(name, "az_AZ", 1).person


@pytest.mark.parametrize(
    ("name", "locale", "words"),
    [
        ("citty", "en_US", "near: city"),
        ("name", "en_USA", "near: en_US"),
        ("prefecture", "de_DE", "it exists for example in ja_JP"),
        ("__class__", "en_US", "no known Faker provider"),
    ],
)
def test_an_unknown_provider_or_locale_is_refused(name: str, locale: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_provider(name, locale, 1)


def test_arguments_are_checked_by_name_and_type() -> None:
    sentence = find_provider("sentence", "en_US", 1)
    check_arguments(sentence, (("nb_words", 3),))
    with pytest.raises(ValueError, match='no argument "words"; it takes: nb_words'):
        check_arguments(sentence, (("words", 3),))
    with pytest.raises(ValueError, match="must be an integer"):
        check_arguments(sentence, (("nb_words", "3"),))
    with pytest.raises(ValueError, match="takes: none"):
        check_arguments(find_provider("name", "en_US", 1), (("x", 1),))
