"""Write the shipped pools, generate/pools/data/pools-1/LOCALE.parquet, from the locked Faker.

A version's files never change once released: a new Faker means a new version of the `faker` kind
and a folder of its own. With the same lock file the script writes the same bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import faker
import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.making import draw_pool
from rowmill.generate.pools.shipped import NEUTRAL

VERSION = 1
FAKER = "40.54.0"
TARGET = (
    Path(__file__).parent.parent / "rowmill" / "generate" / "pools" / "data" / f"pools-{VERSION}"
)

# How many values of a provider are shipped: these, or MANY where people look closely, else SOME.
MANY = 10_000
SOME = 2_500
LARGE = {PERSON, "city", "company", "phone_number", "sentence", "street_address", "street_name"}
SIZES = {"address": 5_000, "paragraph": 1_000, "postcode": 5_000, "text": 1_000}
# In locales other than en_US.
ELSEWHERE = {
    PERSON: 5_000,
    "address": 2_000,
    "building_number": 1_000,
    "catch_phrase": 1_000,
    "company": 2_500,
    "domain_name": 1_000,
    "iban": 1_000,
    "license_plate": 1_000,
    "paragraph": 250,
    "phone_number": 2_500,
    "sentence": 1_000,
    "street_address": 2_500,
    "street_name": 2_500,
    "text": 250,
}
EVERYWHERE = [
    PERSON,
    "address",
    "building_number",
    "catch_phrase",
    "city",
    "color_name",
    "company",
    "company_suffix",
    "country",
    "day_of_week",
    "domain_name",
    "iban",
    "job",
    "license_plate",
    "month_name",
    "paragraph",
    "phone_number",
    "postcode",
    "sentence",
    "street_address",
    "street_name",
    "text",
    "word",
]
ENGLISH = [
    *sorted(NEUTRAL),
    "bban",
    "bs",
    "domain_word",
    "file_extension",
    "file_name",
    "file_path",
    "hostname",
    "language_name",
    "license_plate",
    "safe_color_name",
    "secondary_address",
    "slug",
    "ssn",
    "state",
    "state_abbr",
    "street_suffix",
    "swift",
    "tld",
    "url",
]
LOCAL = {
    "de_DE": ["state"],
    "es_ES": ["state"],
    "fr_FR": ["department_name", "region"],
    "it_IT": ["state", "state_abbr"],
    "ja_JP": ["kana_name", "prefecture", "romanized_name", "town"],
    "nl_NL": ["province"],
    "pl_PL": ["region"],
    "pt_BR": ["cnpj", "cpf", "state", "state_abbr"],
    "zh_CN": ["district", "province"],
    "en_GB": ["county"],
}


def main() -> None:
    """Write every locale's file."""
    if faker.VERSION != FAKER:
        sys.exit(f"version {VERSION} of the pools is of Faker {FAKER}, not {faker.VERSION}")
    TARGET.mkdir(parents=True, exist_ok=True)
    write("en_US", [*EVERYWHERE, *ENGLISH])
    for locale, more in LOCAL.items():
        write(locale, [*EVERYWHERE, *more])


def write(locale: str, providers: list[str]) -> None:
    """One locale's pools as list columns of a single row."""
    columns, exhausted = {}, {}
    for provider in sorted(set(providers)):
        size = SIZES.get(provider, MANY if provider in LARGE else SOME)
        if locale != "en_US":
            size = ELSEWHERE.get(provider, SOME)
        values = draw_pool(PoolKey(provider, (), locale, size, None, VERSION))
        exhausted[provider] = len(values) < size
        columns[provider] = pa.ListArray.from_arrays([0, len(values)], values)
    table = pa.table(columns)
    table = table.replace_schema_metadata({"rowmill:exhausted": json.dumps(exhausted)})
    path = TARGET / f"{locale}.parquet"
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=22,
        use_dictionary=False,
        write_statistics=False,
    )
    counts = ", ".join(f"{n} {len(c.values)}" for n, c in columns.items())
    print(f"{path.name}: {path.stat().st_size:,} bytes: {counts}")


if __name__ == "__main__":
    main()
