"""Write rowmill/spec/faker/provider_values.json: how many values Faker's providers have, where few.

Run it after make_providers.py. A provider's count is that of the largest pool which a run would
make of it without arguments, so that a manifest is refused by the number that the run would come
to. Those of MANY values and more are left out. It takes a quarter of an hour.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import faker
import pyarrow.compute as pc

from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.making import draw_pool, sort_sets
from rowmill.spec.faker.providers import MAX_POOL, locales, providers

VERSION = 1
# Whose providers are counted.
DATA_VERSION = 1
TARGET = Path(__file__).parent.parent / "rowmill" / "spec" / "faker" / "provider_values.json"
# More values than a pool has by default: who asks for so many has thought about the pool.
MANY = 10_000
# Of fewer than MANY values as likely, one of the first draws repeats (99 in 100), and many of more.
FIRST_LOOK, SECOND_LOOK, FEW_REPEATS = 300, 1_000, 20


def main() -> None:
    """Count the providers of all locales and write the file."""
    logging.disable()
    write({locale: dict(counted(locale)) for locale in sorted(locales(DATA_VERSION))})


def counted(locale: str) -> Iterator[tuple[str, int]]:
    """The locale's providers that have fewer than MANY values, each with their number."""
    for provider in providers(DATA_VERSION).values():
        if (
            provider.person
            or locale not in provider.locales
            or looks_endless(provider.name, locale)
        ):
            continue
        count = pool_size(provider.name, locale, MANY)
        if MANY // 2 < count < MANY:
            # A larger pool is drawn for longer before it gives up.
            count = pool_size(provider.name, locale, 4 * MANY)
        if count < MANY:
            yield provider.name, count
    if (count := count_names(locale)) < MANY:
        yield "name", count


@lru_cache(maxsize=1)
def of_locale(locale: str) -> faker.Faker:
    """A Faker that draws the same in every process."""
    generator = faker.Faker(locale)
    sort_sets(generator)
    return generator


def pool_size(provider: str, locale: str, size: int) -> int:
    """How many values a pool of that size comes to."""
    return len(draw_pool(PoolKey(provider, (), locale, size, None, VERSION)))


def count_names(locale: str) -> int:
    """How many different names persons of the locale have, or MANY if so many have names apart."""
    for persons in (MANY, MAX_POOL):
        pool = draw_pool(PoolKey(PERSON, (), locale, persons, None, VERSION))
        names = len(pc.unique(pool.field("name")))
        if names == persons:
            return MANY
    return names


def looks_endless(provider: str, locale: str) -> bool:
    """Whether so few of the first draws repeat that there must be MANY values."""
    generator = of_locale(locale)
    generator.seed_instance(1)
    draw = getattr(generator, provider)
    found = {str(draw()) for _ in range(FIRST_LOOK)}
    if len(found) == FIRST_LOOK:
        return True
    found |= {str(draw()) for _ in range(SECOND_LOOK - FIRST_LOOK)}
    return len(found) > SECOND_LOOK - FEW_REPEATS


def write(counts: dict[str, dict[str, int]]) -> None:
    """One line a provider: the most common count for every locale, and what differs from it."""
    lines = []
    for provider in sorted({name for found in counts.values() for name in found}):
        has = sorted(counts.keys() & providers(DATA_VERSION)[provider].locales)
        by_locale = {locale: counts[locale].get(provider) for locale in has}
        usual = Counter(by_locale.values()).most_common(1)[0][0]
        entry: dict[str, int | None] = {} if usual is None else {"": usual}
        entry |= {locale: count for locale, count in by_locale.items() if count != usual}
        lines.append(f"  {json.dumps(provider)}: {json.dumps(entry)}")
    text = ",\n".join(lines)
    TARGET.write_text(f'{{\n "faker": "{faker.VERSION}",\n "values": {{\n{text}\n }}\n}}\n')


if __name__ == "__main__":
    main()
