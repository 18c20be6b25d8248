"""A spec by another data version: resolved again, with what a run of that version goes by."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping

import pytest

from rowmill.spec.cluster import Defaults, on_cluster
from rowmill.spec.dataset import Spec
from rowmill.spec.kinds import Pattern
from rowmill.spec.load import LastVersion, Overrides, load_spec, no_run
from rowmill.spec.problems import InvalidManifest

SKU = {"name": "sku", "type": "text", "unique": True}
# What version 1 alone takes, and what version 2 alone takes.
LINKED = (
    {"name": "url", "type": "varchar(40)", "unique": True},
    {"name": "link", "type": "varchar(16)", "generate": {"template": "{url}"}},
)
MAIL = (
    {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
    {
        "name": "mail",
        "type": "varchar(76)",
        "generate": {"template": "{name|slug}@example.com"},
    },
)


def spec(
    *columns: Mapping[str, object], last_version: LastVersion = no_run, **settings: object
) -> Spec:
    content = {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": {
            **settings,
            "tables": [{"name": "items", "rows": 1_000, "columns": columns}],
            "destinations": {"postgres": {}},
        },
    }
    return load_spec(
        "test",
        text=json.dumps(content, indent=1),
        overrides=Overrides("0.5", 7),
        last_version=last_version,
    )


def last(data_version: int) -> LastVersion:
    """The last run of `shop` was of this version; nothing else was ever run."""
    return {"shop": data_version}.get


def refused(*columns: Mapping[str, object], last_version: LastVersion = no_run) -> list[str]:
    with pytest.raises(InvalidManifest) as error:
        spec(*columns, last_version=last_version)
    return [problem.message for problem in error.value.problems]


def pattern(one: Spec, column: str = "sku") -> str:
    kind = one.dataset.table("items").column(column).kind
    assert isinstance(kind, Pattern)
    return kind.pattern


def test_what_the_manifest_leaves_out_is_that_of_the_version() -> None:
    one, two = spec(SKU), spec(SKU).at(2)
    assert (pattern(one), pattern(two)) == ("[a-z0-9]{16}", "[A-Z]{3}-[0-9]{5}")
    assert (one.data_version, two.data_version) == (1, 2)
    assert (len(one.unguessed), two.unguessed) == (1, ())
    assert (two.dataset.seed, two.dataset.table("items").rows) == (7, 500)
    assert two.at(1) == one


def test_it_is_as_if_the_manifest_had_named_the_version() -> None:
    named = spec(SKU, dataVersion=2)
    assert spec(SKU).at(2).dataset == named.dataset
    assert spec(SKU).digest == spec(SKU).at(2).digest == named.digest


def test_by_its_own_version_it_is_itself() -> None:
    one = spec(SKU)
    assert one.at(1) is one


def test_what_a_cluster_adds_stays() -> None:
    placed = on_cluster(spec(SKU), "team", Defaults(postgres_secret="warehouse")).at(2)
    assert (placed.namespace, placed.postgres and placed.postgres.secret_name) == (
        "team",
        "warehouse",
    )
    assert pattern(placed) == "[A-Z]{3}-[0-9]{5}"


def test_a_manifest_that_the_version_refuses_is_told_with_the_way_out() -> None:
    with pytest.raises(InvalidManifest) as error:
        spec(*LINKED).at(2)
    [problem] = error.value.problems
    assert (problem.path, problem.name) == (
        "spec.tables[0].columns[1].generate.template",
        "items.link",
    )
    assert problem.message.endswith(
        "(by data version 2, that of its last run; `dataVersion: 1` takes it as it is)"
    )


def test_a_manifest_that_names_no_version_is_read_by_that_of_the_last_run() -> None:
    assert spec(SKU, last_version=last(2)) == spec(SKU).at(2)
    assert spec(SKU, last_version={"another": 2}.get).data_version == 1
    named = spec(SKU, last_version=last(2), dataVersion=1)
    assert (named.data_version, pattern(named)) == (1, "[a-z0-9]{16}")


def test_what_the_version_of_the_last_run_alone_takes_is_valid() -> None:
    [wrong] = refused(*MAIL)
    assert "`dataVersion: 2`" in wrong
    assert spec(*MAIL, last_version=last(2)).data_version == 2
    [wrong] = refused(*LINKED, last_version=last(2))
    assert wrong.endswith(
        "(by data version 2, that of its last run; `dataVersion: 1` takes it as it is)"
    )


def test_what_every_version_refuses_is_told_without_one() -> None:
    odd = {"name": "odd", "type": "bigint", "generate": {"pattern": "x"}}
    [either] = refused(odd)
    found = refused(*LINKED, odd, last_version=last(2))
    assert [either in found, len(found)] == [True, 2]
    assert [wrong.endswith("(by data version 2, that of its last run)") for wrong in found] == [
        True,
        False,
    ]
    # Of a manifest that does not fit the model, too.
    short = {**MAIL[1], "nulls": "some"}
    assert len(refused(MAIL[0], short, SKU, last_version=last(2))) == 1


def test_a_version_of_a_newer_release_is_refused() -> None:
    with pytest.raises(InvalidManifest, match=r"99 is unknown to this release.*upgrade Rowmill"):
        spec(SKU).at(99)
    [wrong] = refused(SKU, last_version=last(99))
    assert "dataVersion 99 is unknown to this release" in wrong


def test_a_worker_gets_the_spec_without_the_manifest() -> None:
    """Reading manifests would cost each worker 0.3 s and 11 MB."""
    packed = pickle.dumps(spec(SKU).at(2).for_workers())
    program = (
        "import pickle, sys; one = pickle.load(sys.stdin.buffer)\n"
        "assert one.at(2) is one\n"
        "unwanted = {'pydantic', 'rowmill.spec.manifest.experiment', 'rowmill.spec.load'}\n"
        "assert not unwanted & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], input=packed, check=True)
    with pytest.raises(ValueError, match="cannot be resolved by 1"):
        pickle.loads(packed).at(1)


def test_it_goes_whole_through_a_pool_of_processes() -> None:
    assert pickle.loads(pickle.dumps(spec(SKU))).at(2) == spec(SKU).at(2)
