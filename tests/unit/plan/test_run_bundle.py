"""A bundle's format is fixed, and what is no bundle of it is refused."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from rowmill.plan.bundle import Bundle, UnreadableBundle, pack, unpack
from rowmill.plan.layout import Plan, TableLayout
from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill.spec.dataset import ParquetTypes

# Workers and operators of other versions read and write these very bytes.
GOLDEN = (
    '{"bundle":1,"engine":"here","namespace":"team","uid":"uid-1","number":3,"adopt":"a/b/c",'
    '"image":"w:1","manifest":{"spec":{"seed":"é","rerun":"again"}},'
    '"defaults":{"postgres":{"secretName":"warehouse"},"parquet":{"bucket":"lake",'
    '"endpoint":"http://s3:8333","region":null,"secretName":"lake"}},'
    '"plan":{"digest":"sha256:0","data_version":1,"tables":[{"table":"t","rows":3000,'
    '"row_bytes":12,"batch_rows":1000,"part_batches":10,"group_batches":1}],"shard_stops":[1],'
    '"parquet_types":"portable","part_rows":[9500],"group_rows":[1500]}}'
)
BUNDLE = Bundle(
    engine="here",
    namespace="team",
    uid="uid-1",
    number=3,
    adopt="a/b/c",
    image="w:1",
    manifest={"spec": {"seed": "é", "rerun": "again"}},
    defaults=Defaults("warehouse", ParquetDefault("lake", "http://s3:8333", None, "lake")),
    plan=Plan(
        "sha256:0",
        1,
        (TableLayout("t", 3_000, 12, 1_000, 9_500, 1_500),),
        (1,),
        ParquetTypes.PORTABLE,
    ),
)


STORED = json.loads(GOLDEN)["plan"]["tables"][0]


def packed(document: object) -> bytes:
    return gzip.compress(json.dumps(document).encode())


def test_the_format_is_the_golden_one() -> None:
    assert gzip.decompress(pack(BUNDLE)).decode() == GOLDEN


def test_a_golden_bundle_is_read() -> None:
    assert unpack(gzip.compress(GOLDEN.encode())) == BUNDLE


def test_a_bundle_from_before_parquet_types_is_read() -> None:
    document = json.loads(GOLDEN)
    del document["plan"]["parquet_types"]
    before = replace(BUNDLE, plan=replace(BUNDLE.plan, parquet_types=ParquetTypes.NATIVE))
    assert unpack(packed(document)) == before


def test_a_bundle_from_before_parts_had_rows_of_their_own_is_read() -> None:
    document = json.loads(GOLDEN)
    del document["plan"]["part_rows"], document["plan"]["group_rows"]
    whole = TableLayout("t", 3_000, 12, 1_000, 10_000, 1_000)
    before = replace(BUNDLE, plan=replace(BUNDLE.plan, tables=(whole,)))
    assert unpack(packed(document)) == before


def test_what_is_packed_is_unpacked() -> None:
    bare = replace(BUNDLE, adopt=None, defaults=Defaults(), manifest={"spec": {}})
    assert unpack(pack(bare)) == bare
    assert (BUNDLE.rerun, bare.rerun) == ("again", "")


def test_the_same_bundle_is_packed_to_the_same_bytes() -> None:
    assert pack(BUNDLE) == pack(replace(BUNDLE))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bundle": 2}, "format 2, this image reads 1"),
        ({"defaults": {}}, "'postgres'"),
        ({"plan": []}, "not as this image knows it"),
        ({"manifest": None}, "manifest"),
        ({"manifest": {"spec": None}}, "spec"),
        ({"number": "1"}, "number"),
        ({"plan": json.loads(GOLDEN)["plan"] | {"parquet_types": "other"}}, "other"),
        ({"plan": json.loads(GOLDEN)["plan"] | {"part_rows": [1, 2]}}, "not as this image knows"),
    ],
)
def test_a_bundle_of_another_make_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableBundle, match=words):
        unpack(packed(json.loads(GOLDEN) | changes))


@pytest.mark.parametrize("missing", json.loads(GOLDEN))
def test_a_bundle_that_lacks_something_is_refused(missing: str) -> None:
    document = json.loads(GOLDEN)
    del document[missing]
    with pytest.raises(UnreadableBundle, match=missing):
        unpack(packed(document))


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"not gzip",
        gzip.compress(b"[1]"),
        gzip.compress(b"{}{}"),
        gzip.compress(b"{}")[:-3],
        gzip.compress(b"\xff"),
        gzip.compress(b"[" * 200_000),
        gzip.compress(b"9" * 5_000),
        gzip.compress(b" " * (9 * 2**20), 1),
    ],
    ids=["empty", "plain", "list", "two", "cut", "binary", "deep", "number", "bomb"],
)
def test_a_spoilt_bundle_is_refused(spoilt: bytes) -> None:
    with pytest.raises(UnreadableBundle, match="cannot be read"):
        unpack(spoilt)


@pytest.mark.parametrize(
    "change",
    [
        {"shard_stops": []},
        {"shard_stops": [3, 3]},
        {"shard_stops": [0]},
        {"part_rows": [0]},
        {"group_rows": [-1]},
        {"tables": [STORED | {"batch_rows": 0}]},
        {"tables": [STORED | {"rows": -1}]},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(GOLDEN)
    with pytest.raises(UnreadableBundle, match="no sense"):
        unpack(packed(document | {"plan": document["plan"] | change}))
