import hashlib
import json
import logging
from importlib import resources

import pytest
from faker import VERSION, Faker

from rowmill.generate.pool_making import draw_pool
from rowmill.generate.pools import PERSON, PoolKey
from rowmill.spec.providers import (
    MAX_POOL,
    PERSON_FIELDS,
    check_arguments,
    count_values,
    find_provider,
    locales,
    providers,
)

# What is inferred, and whose field a column is, follow from the table: another belongs to an open
# data version, beside this one.
RELEASED = "b60d818eb040db0f3a1130410640d13a2f528a71554538ae0d93f5f03e62ac28"
RETURNED = {"str": "str", "int": "int", "float": "float", "bool": "bool", "decimal": "Decimal"}


def test_the_table_of_providers_is_as_released() -> None:
    table = resources.files("rowmill.spec").joinpath("providers.json").read_bytes()
    assert hashlib.sha256(table).hexdigest() == RELEASED


def test_a_provider_of_the_table_exists_in_faker_and_returns_what_the_table_says() -> None:
    logging.disable()
    try:
        for locale in ("en_US", "de_DE", "ja_JP"):
            faker = Faker(locale)
            faker.seed_instance(7)
            for provider in providers().values():
                if provider.person or locale not in provider.locales:
                    continue
                value = getattr(faker, provider.name)()
                assert type(value).__name__ == RETURNED[provider.returns], provider.name
    finally:
        logging.disable(logging.NOTSET)


def test_the_common_providers_and_locales_are_known() -> None:
    for name in ("name", "city", "company", "job", "phone_number", "text", "ipv4", "iban"):
        for locale in ("en_US", "de_DE", "fr_FR", "ja_JP", "pt_BR", "zh_CN", "pl_PL"):
            assert find_provider(name, locale).name == name
    assert len(locales()) > 90


@pytest.mark.parametrize("name", ["date_of_birth", "date_this_year", "uuid1", "credit_card_expire"])
def test_what_reads_the_clock_is_left_out(name: str) -> None:
    assert name not in providers()


@pytest.mark.parametrize(
    ("name", "locale"),
    [("state", "en_US"), ("color_name", "de_DE"), ("job", "ja_JP"), ("country", "fr_FR")],
)
def test_a_count_is_the_size_of_the_pool_that_is_made(name: str, locale: str) -> None:
    for size in (5_000, MAX_POOL):
        pool = draw_pool(PoolKey(name, (), locale, size, None, 1))
        assert count_values(name, locale) == len(pool) < size


def test_names_are_counted_where_they_are_few() -> None:
    persons = draw_pool(PoolKey(PERSON, (), "en_NG", 3_000, None, 1))
    assert count_values("name", "en_NG") == len(set(persons.field("name").to_pylist())) == 800
    assert count_values("name", "en_US") is None


def test_what_has_many_values_or_none_is_not_counted() -> None:
    assert count_values("sentence", "en_US") is None
    assert count_values("email", "en_NG") is None
    # A provider of some locales alone.
    assert count_values("prefecture", "ja_JP") == 47
    assert count_values("prefecture", "en_US") is None


def test_the_counts_are_of_the_faker_that_makes_the_pools() -> None:
    document = json.loads(
        resources.files("rowmill.spec").joinpath("provider_values.json").read_text("utf-8")
    )
    assert document["faker"] == VERSION
    assert document["values"].keys() <= providers().keys()


def test_the_persons_fields_are_known_in_every_locale() -> None:
    for name in PERSON_FIELDS:
        assert find_provider(name, "az_AZ").person


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
        find_provider(name, locale)


def test_arguments_are_checked_by_name_and_type() -> None:
    sentence = find_provider("sentence", "en_US")
    check_arguments(sentence, (("nb_words", 3),))
    with pytest.raises(ValueError, match='no argument "words"; it takes: nb_words'):
        check_arguments(sentence, (("words", 3),))
    with pytest.raises(ValueError, match="must be an integer"):
        check_arguments(sentence, (("nb_words", "3"),))
    with pytest.raises(ValueError, match="takes: none"):
        check_arguments(find_provider("name", "en_US"), (("x", 1),))
