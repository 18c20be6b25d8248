"""Pools that the package doesn't ship: distinct values drawn from Faker, the same for the same key.

Faker is imported only here and only when such a pool is made: once a run, before any row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pyarrow as pa
from faker import Faker

from rowmill.counting import counted
from rowmill.generate.pools.key import PERSON, PERSON_TYPE, PoolKey
from rowmill.generate.pools.persons import draw_persons

# So many repeats in a row, and at least as many as values were found, mean that the provider has no
# more worth waiting for.
PATIENCE = 500
# The most draws for a pool of no values and for each of its values: enough for values of which one
# in twenty is short enough.
_DRAWS = 20_000
_DRAWS_EACH = 20
# So many draws without any value that fits mean that none does.
_HOPELESS = 5_000


def draw_pool(key: PoolKey) -> pa.Array:
    """The pool of a key: distinct strings, or of the provider `person` a struct a person.

    A pool ends short of `key.size` when its provider keeps repeating itself or gives too few values
    that fit; it is then sorted, so that it doesn't depend on which value came first. Numbers and
    flags become the text that Postgres reads.

    Raises:
        ValueError: the provider raised with these arguments, or gave no value that fits.
    """
    with _quiet():
        faker = Faker(key.locale)
        sort_sets(faker)
        faker.seed_instance(_seed(key))
        if key.provider == PERSON:
            return pa.array(draw_persons(faker, key.size), type=PERSON_TYPE)
        values, exhausted = draw_distinct(
            _drawing(faker, key), key.size, lambda text: _fits(text, key.max_length)
        )
    if not values:
        provider = f"the Faker provider {key.provider!r} ({key.locale})"
        if key.max_length is None:
            raise ValueError(f"{provider} gives no value that can be stored; take another")
        raise ValueError(
            f"{provider} gives no value of at most {counted(key.max_length, 'character')}; "
            "make the column's type longer"
        )
    return pa.array(sorted(values) if exhausted else values, type=pa.string())


def draw_distinct(
    draw: Callable[[], str], size: int, fits: Callable[[str], bool]
) -> tuple[list[str], bool]:
    """Up to `size` distinct fitting values in the order found, and whether it gave up on more."""
    found: dict[str, None] = {}
    repeats = 0
    for drawn in range(_DRAWS + _DRAWS_EACH * size):
        if len(found) == size:
            return list(found), False
        if repeats > max(PATIENCE, len(found)) or (drawn == _HOPELESS and not found):
            break
        value = draw()
        if value in found:
            repeats += 1
        elif fits(value):
            found[value] = None
            repeats = 0
    return list(found), True


def sort_sets(faker: Faker) -> None:
    """Sort the providers' sets, and lists made from sets: their order differs between processes.

    Drawing from them stays as likely.
    """
    for provider in faker.get_providers():
        for name in dir(provider):
            values = getattr(provider, name)
            if isinstance(values, set | frozenset | list) and {type(v) for v in values} == {str}:
                setattr(provider, name, tuple(sorted(values)))


def _drawing(faker: Faker, key: PoolKey) -> Callable[[], str]:
    arguments = dict(key.args)
    method = getattr(faker, key.provider)

    def draw() -> str:
        try:
            return _text(method(**arguments))
        except Exception as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in key.args)
            raise ValueError(
                f"the Faker provider {key.provider}({shown}) of {key.locale} fails: {error}"
            ) from error

    return draw


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _fits(text: str, max_length: int | None) -> bool:
    if max_length is not None and len(text) > max_length:
        return False
    # Postgres stores neither NUL nor half of a surrogate pair.
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _seed(key: PoolKey) -> int:
    """From all of the key but the size, so that a larger pool begins with the smaller one."""
    raw = repr((key.provider, key.args, key.locale, key.max_length, key.version)).encode()
    return int.from_bytes(blake2b(raw, digest_size=8, person=b"rowmill pool").digest(), "little")


@contextmanager
def _quiet() -> Iterator[None]:
    """Faker's loggers silenced: some providers log a disclaimer at each of their draws."""
    logger = logging.getLogger("faker")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
