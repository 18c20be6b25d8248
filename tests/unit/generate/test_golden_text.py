"""Golden checksums of the text kinds: the data of a closed version never changes.

After a deliberate change of a kind in an open data version N:
`python -m tests.unit.generate.test_golden_text N` writes its file anew.
"""

import json
import sys
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from rowmill.generate.rows import Generator
from rowmill.generate.text.letters import lower, slug, title, upper
from rowmill.spec.dataset import Column
from rowmill.spec.kinds import (
    Array,
    Between,
    Choice,
    Faker,
    Field,
    Pattern,
    Sequence,
    Template,
    Uniform,
    Uuid,
)
from rowmill.spec.versions import VERSIONS
from tests.unit.generate.text_datasets import column, dataset

ROWS = 10**9
# The first, some from the middle, the last.
PLACES = np.concatenate([np.arange(400), np.arange(7 * 10**8, 7 * 10**8 + 400), [ROWS - 1]])


def faker(provider: str, entity: str = "", locale: str = "en_US", pool: int = 10_000) -> Faker:
    return Faker(provider, (), locale, pool, entity)


def field(name: str, filter_: str | None = None, argument: int | None = None) -> Field:
    return Field(name, filter_, argument)


COLUMNS: list[Column] = [
    column("id", "bigint", Sequence(1, 1), unique=True),
    column("price", "numeric(8,2)", Uniform(Decimal("-99.00"), Decimal("999.99"), 2), nulls=0.1),
    column("day", "timestamptz", Between(0, 10**15, 1_000_000)),
    column("pattern fixed", "text", Pattern("[A-Z]{3}-[0-9]{4}")),
    column("pattern fixed unique", "text", Pattern("[A-Z]{4}-[0-9]{6}"), unique=True),
    column("pattern groups", "char(64)", Pattern("[0-9a-f]{64}")),
    column("pattern groups unique", "text", Pattern("[0-9a-f]{64}"), unique=True),
    column("pattern walked", "text", Pattern(r"[a-z]{3,9}\.(com|org|co\.uk)")),
    column("pattern walked unique", "text", Pattern("[a-zé]{1,9}!?"), unique=True),
    column("pattern huge", "text", Pattern("[a-z]{20,40}")),
    column("pattern huge unique", "text", Pattern("(x|[a-z]{20,40})"), unique=True),
    column("pattern inet", "inet", Pattern(r"10\.[1-9]\.[1-9]{2}\.0/24")),
    column("name", "text", faker("name")),
    column("email", "text", faker("email")),
    column("gender", "text", faker("gender")),
    column("short_name", "varchar(12)", faker("name", "short")),
    column("name_de", "text", faker("name", "de", "de_DE")),
    column("name_ja", "text", faker("name", "ja", "ja_JP")),
    column("city", "text", faker("city")),
    column("text", "text", faker("text")),
    column("latitude", "numeric(9,6)", faker("latitude")),
    column("uuid 4", "uuid", Uuid(4)),
    column("uuid 7", "text", Uuid(7)),
    column("template", "text", Template((field("name", "slug"), ".", field("id", "pad", 10)))),
    column(
        "template types",
        "text",
        Template(
            (field("price"), " ", field("day"), " ", field("uuid 4"), field("name_de", "title"))
        ),
    ),
    column("array", "text[]", Array(faker("word"), 0, 4)),
    column("array pattern", "text[]", Array(Pattern("[a-z]{1,3}"), 1, 3), nulls=0.2),
    column("array choice", "integer[]", Array(Choice((1, 2, 3), (1, 5, 9)), 0, 3)),
]

# Names that make slugs too long for an address, in Persian, Georgian and Thai.
LONG_NAMES = (
    "سرکار خانم دکتر نازنین زهرا خسروجردی",
    "კონსტანტინე ქართველიშვილი",
    "Bo Ek",
    "นางจุฑาภรณ์ ทองสุกเลิศ ณ บางช้าง",
)
SLUG = field("names", "slug")
# What a data version has beside COLUMNS.
ADDED: dict[int, list[Column]] = {
    2: [
        column("names", "text", Choice(LONG_NAMES, None)),
        column(
            "address",
            "text",
            Template(
                (field("names", "slug"), ".", field("id"), "@", field("names", "slug"), ".de")
            ),
        ),
    ]
}


def columns_of(data_version: int) -> list[Column]:
    return COLUMNS + ADDED.get(data_version, [])


def checksum(name: str, data_version: int) -> str:
    made = dataset(columns_of(data_version), rows=ROWS, data_version=data_version)
    frame = Generator(made).frame("t", PLACES)
    return sha256(repr(frame.cells(name).to_pylist()).encode()).hexdigest()


def golden(data_version: int) -> Path:
    suffix = "" if data_version == 1 else f"_{data_version}"
    return Path(__file__).with_name(f"golden_text{suffix}.json")


def released(data_version: int) -> dict[str, str]:
    found: dict[str, str] = json.loads(golden(data_version).read_text())
    return found


@pytest.mark.parametrize(
    ("name", "data_version"),
    [(c.name, version) for version in VERSIONS for c in columns_of(version)],
)
def test_cells_are_those_of_the_golden_file(name: str, data_version: int) -> None:
    assert checksum(name, data_version) == released(data_version)[name]


def test_version_2_changes_patterns_alone() -> None:
    one, two = released(1), released(2)
    changed = {name for name in one if one[name] != two[name]}
    assert changed == {c.name for c in COLUMNS if "pattern" in c.name}


@pytest.mark.parametrize("data_version", VERSIONS)
def test_letters_are_those_of_the_golden_file(data_version: int) -> None:
    assert letters() == released(data_version)["letters"]


def letters() -> str:
    """Of what every character of the Basic Multilingual Plane becomes."""
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    changed = [[change(char) for char in characters] for change in (slug, upper, lower, title)]
    return sha256(repr(changed).encode()).hexdigest()


if __name__ == "__main__":
    version = int(sys.argv[1])
    sums = {c.name: checksum(c.name, version) for c in columns_of(version)}
    golden(version).write_text(json.dumps({**sums, "letters": letters()}, indent=2) + "\n")
