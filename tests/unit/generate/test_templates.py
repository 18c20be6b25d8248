from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rowmill.generate.rows import Generator
from rowmill.spec.kinds import Choice, Faker, Field, Pattern, Sequence, Template, Uniform
from tests.unit.generate.text_datasets import column, dataset, plain

NAMES = ("Ann O'Hara", "Łukasz Żółć", "李雷")


def made(
    template: Template, *, rows: int = 300, type_name: str = "text", nulls: float = 0.0
) -> list[dict[str, Any]]:
    columns = [
        column("id", "bigint", Sequence(-1, 1), unique=True),
        column("name", "text", Choice(NAMES, None), nulls=nulls),
        column("code", "text", Pattern("[a-c]{1,3}")),
        column("n", "smallint", Uniform(-99, 99, 0)),
        column("t", type_name, template, nulls=nulls),
    ]
    batch = Generator(dataset(columns, rows=rows)).batch("t", 0, rows)
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


def field(name: str, filter_: str | None = None, argument: int | None = None) -> Field:
    return Field(name, filter_, argument)


def test_parts_are_joined_in_their_order() -> None:
    template = Template(("<", field("name"), "|", field("id"), field("code"), ">"))
    for row in made(template):
        assert row["t"] == f"<{row['name']}|{row['id']}{row['code']}>"


def test_one_field_twice_and_no_field_at_all() -> None:
    for row in made(Template((field("code"), field("code")))):
        assert row["t"] == f"{row['code']}{row['code']}"
    assert {row["t"] for row in made(Template(("a", "b")))} == {"ab"}


def test_filters_apply_to_dictionaries_and_to_plain_texts() -> None:
    template = Template(
        (field("name", "slug"), "~", field("code", "upper"), "~", field("n", "pad", 4))
    )
    slugs = {"Ann O'Hara": "ann-ohara", "Łukasz Żółć": "lukasz-zolc", "李雷": "674e96f7"}
    for row in made(template):
        assert row["t"] == f"{slugs[row['name']]}~{row['code'].upper()}~{row['n']:04d}"


@pytest.mark.parametrize(("width", "shown"), [(1, "-1"), (2, "-1"), (3, "-01"), (8, "-0000001")])
def test_zeros_go_behind_the_minus_sign(width: int, shown: str) -> None:
    assert made(Template((field("id", "pad", width),)), rows=1)[0]["t"] == shown


def test_a_null_field_makes_a_null_cell() -> None:
    rows = made(Template(("a", field("name"), field("id"))), rows=2000, nulls=0.3)
    assert any(row["name"] is None for row in rows)
    assert all(row["t"] is None for row in rows if row["name"] is None)
    # The template's own nulls come on top.
    assert any(row["t"] is None for row in rows if row["name"] is not None)


def test_the_size_of_a_batch_changes_no_cell() -> None:
    columns = [
        column("name", "text", Faker("name", (), "en_US", 10_000, "")),
        column("t", "text", Template(("x", field("name", "slug"), "y"))),
    ]
    generator = Generator(dataset(columns, rows=30_000))
    whole = plain(generator.batch("t", 0, 30_000, ["t"]).column(0)).to_pylist()
    assert (
        plain(Generator(generator.dataset).batch("t", 70, 80, ["t"]).column(0)).to_pylist()
        == (whole[70:80])
    )
    frame = generator.frame("t", np.array([9, 29_999, 9]))
    assert plain(frame.cells("t")).to_pylist() == [whole[9], whole[29_999], whole[9]]


def test_other_dictionaries_in_later_batches_are_not_mistaken_for_the_first() -> None:
    columns = [
        column("p", "text", Pattern("[a-z]{2}")),
        column("t", "text", Template((field("p", "upper"), "!"))),
    ]
    generator = Generator(dataset(columns, rows=4000))
    for start in range(0, 4000, 500):
        batch = generator.batch("t", start, start + 500)
        texts = plain(batch.column(0)).to_pylist()
        assert plain(batch.column(1)).to_pylist() == [f"{text.upper()}!" for text in texts]


def test_other_types_read_the_text() -> None:
    template = Template(('{"b": "', field("code"), '", "a": 1}'))
    for row in made(template, type_name="jsonb", rows=50):
        assert row["t"] == f'{{"a": 1, "b": "{row["code"]}"}}'


# Slugs of up to 102 characters: letters of these scripts are spelt by their code points.
LONG = (
    "سرکار خانم دکتر نازنین زهرا خسروجردی",
    "श्रीमान देवदान बलासुब्रमानियम",
    "นางจุฑาภรณ์ ทองสุกเลิศ ณ บางช้าง",
    "Ann O'Hara",
)


def addresses(template: Template, data_version: int, *, unique: bool = False) -> pa.Array:
    columns = [
        column("id", "bigint", Sequence(1, 1), unique=True),
        column("name", "text", Choice(LONG, None), nulls=0.1),
        column("t", "text", template, unique=unique),
    ]
    one = dataset(columns, rows=2000, data_version=data_version)
    return plain(Generator(one).batch("t", 0, 2000, ["t"]).column(0))


def test_in_version_2_the_local_part_of_an_address_has_at_most_64_characters() -> None:
    template = Template((field("name", "slug"), ".", field("id"), "@example.com"))
    old, new = addresses(template, 1).to_pylist(), addresses(template, 2).to_pylist()
    lengths = {len(text.split("@")[0]) for text in new if text is not None}
    assert max(lengths) == 64
    assert max(len(text.split("@")[0]) for text in old if text is not None) > 90
    for before, after in zip(old, new, strict=True):
        if before is None or len(before.split("@")[0]) <= 64:
            assert after == before
        else:
            slug, number = after.removesuffix("@example.com").split(".")
            assert before.startswith(slug)
            assert before.endswith(f".{number}@example.com")


def test_cut_slugs_keep_a_unique_address_unique() -> None:
    for parts in (
        (field("name", "slug"), ".", field("id"), "@example.com"),
        (field("id", "pad", 8), "+", field("name", "slug"), "@", field("name", "slug"), ".example"),
    ):
        found = addresses(Template(parts), 2, unique=True).drop_null().to_pylist()
        assert len(found) == len(set(found)) > 1700


def test_in_version_2_a_label_of_a_host_name_has_at_most_63_characters() -> None:
    template = Template(("https://", field("name", "slug"), ".example.com/", field("name", "slug")))
    for text in addresses(template, 2).drop_null().to_pylist():
        host, path = text.removeprefix("https://").split("/")
        assert len(host.split(".")[0]) <= 63
        assert path.startswith(host.removesuffix(".example.com"))
    assert max(map(len, addresses(template, 2).drop_null().to_pylist())) > 150


def test_a_cut_address_is_the_same_in_any_batch() -> None:
    template = Template((field("name", "slug"), ".", field("id"), "@example.com"))
    columns = [
        column("id", "bigint", Sequence(1, 1), unique=True),
        column("name", "text", Choice(LONG, None)),
        column("t", "text", template),
    ]
    generator = Generator(dataset(columns, rows=2000, data_version=2))
    whole = generator.batch("t", 0, 2000, ["t"]).column(0).to_pylist()
    rows = np.array([1999, 3, 3, 700])
    assert generator.frame("t", rows).cells("t").to_pylist() == [whole[row] for row in rows]


def test_no_rows() -> None:
    assert made(Template((field("name"),)), rows=0) == []
