"""What people use today, on a few of the same rows: Faker with batched INSERT, mimesis into CSV."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from faker import Faker
from mimesis import Address as MimesisAddress
from mimesis import Finance, Person
from mimesis.locales import Locale

from tests.bench.env import Env
from tests.bench.figures import Figure, Samples

RUNS = 5
_FAKER_ROWS = 5_000
_MIMESIS_ROWS = 20_000
_PAGE = 1_000
_SCHEMA = "bench_peers"
_START = datetime(2020, 1, 1, tzinfo=UTC)
_SECONDS = int((datetime(2026, 1, 1, tzinfo=UTC) - _START).total_seconds())

Row = tuple[Any, ...]


def measure(env: Env, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Rates of both, each with one process."""
    faker, mimesis = [], []
    for _ in range(runs):
        faker.append(_FAKER_ROWS / _timed(lambda: _insert(env)))
        mimesis.append(_MIMESIS_ROWS / _timed(lambda: _write_csv(env)))
        say(f"  Faker {faker[-1]:.0f} rows/s, mimesis {mimesis[-1]:.0f} rows/s")
    return [
        Figure(
            f"beside it: Faker with batched INSERT ({_PAGE:,} rows a statement, one process), "
            f"rate over {_FAKER_ROWS:,} of these rows",
            "reported",
            Samples.of(faker).text(0, "rows/s"),
        ),
        Figure(
            f"beside it: mimesis into CSV (one process), rate over {_MIMESIS_ROWS:,} of these rows",
            "reported",
            Samples.of(mimesis).text(0, "rows/s"),
        ),
    ]


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _insert(env: Env) -> None:
    with env.connect() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {_SCHEMA}")
        connection.execute(
            f"CREATE TABLE {_SCHEMA}.events (id bigint, name text, company text, city text, "
            "account bigint, quantity integer, amount numeric(10,2), score double precision, "
            "active boolean, created_at timestamptz)"
        )
        connection.autocommit = False
        rows = _faker_rows(_FAKER_ROWS)
        one = "(" + ", ".join(["%s"] * 10) + ")"
        statement = f"INSERT INTO {_SCHEMA}.events VALUES " + ", ".join([one] * _PAGE)
        while page := list(islice(rows, _PAGE)):
            connection.execute(statement, [cell for row in page for cell in row])
            connection.commit()
        connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")
        connection.commit()


def _faker_rows(count: int) -> Iterator[Row]:
    fake = Faker("en_US")
    draw = random.Random(7)
    for number in range(1, count + 1):
        yield (number, fake.name(), fake.company(), fake.city(), *_plain_cells(draw))


def _write_csv(env: Env) -> None:
    person, finance, place = Person(Locale.EN), Finance(Locale.EN), MimesisAddress(Locale.EN)
    draw = random.Random(7)
    with (env.folder / "mimesis.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for number in range(1, _MIMESIS_ROWS + 1):
            texts = (person.full_name(), finance.company(), place.city())
            writer.writerow((number, *texts, *_plain_cells(draw)))


def _plain_cells(draw: random.Random) -> Row:
    """The six cells behind the texts, by Python's own generator."""
    return (
        draw.randint(1, 5_000_000),
        draw.randint(1, 500),
        Decimal(draw.randint(1, 999_999)).scaleb(-2),
        draw.gauss(50, 15),
        draw.random() < 0.8,
        _START + timedelta(seconds=draw.randrange(_SECONDS)),
    )
