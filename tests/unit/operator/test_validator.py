from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from rowmill.plan.bundle import unpack
from rowmill.spec.cluster import Defaults
from rowmill_operator.model.actions import FreezePlan, Validate
from rowmill_operator.model.settings import Settings
from rowmill_operator.validation.validator import Judgement, Validator
from rowmill_operator.validation.validator_process import freeze_run
from tests.unit.operator.memory_cluster import SETTINGS

FREEZE = FreezePlan(
    number=3,
    rerun="again",
    adopt="a/b/c",
    data_version=None,
    engine="here",
    image="w:1",
    defaults=Defaults(),
)
NONE = Defaults()
JUDGE = Validate(generation=1, rerun="", defaults=NONE)


def manifest(**spec: Any) -> str:
    columns = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}]
    known = {
        "tables": [{"name": "t", "rows": 3_000, "columns": columns}],
        "destinations": {"postgres": {"secretName": "warehouse"}},
    }
    return json.dumps(
        {
            "apiVersion": "rowmill.dev/v1alpha1",
            "kind": "Experiment",
            "metadata": {"name": "shop"},
            "spec": known | spec,
        }
    )


def ask(
    question: Callable[[Validator], Awaitable[Judgement]],
    settings: Settings = SETTINGS,
    **limits: Any,
) -> Judgement:
    async def asked() -> Judgement:
        validator = Validator(settings, **({"seconds": 60} | limits))
        try:
            return await question(validator)
        finally:
            await validator.close()

    return asyncio.run(asked())


def judge(text: str, rerun: str = "", defaults: Defaults = NONE, **planned: Any) -> Judgement:
    wanted = Validate(1, rerun, defaults, **planned)
    return ask(lambda validator: validator.judge("team", text, wanted))


def test_a_right_manifest_has_a_digest_that_depends_on_the_rerun() -> None:
    first = judge(manifest())
    assert (first.problems, first.digest[:7]) == ((), "sha256:")
    assert judge(manifest()).digest == first.digest
    assert judge(manifest(), rerun="again").digest != first.digest
    assert judge(manifest(rerun="never mind"), rerun="again").digest == (
        judge(manifest(), rerun="again").digest
    )


def test_all_problems_come_with_their_paths() -> None:
    column = {"name": "a", "type": "smallint", "generate": {"sequence": {"start": 40_000}}}
    verdict = judge(manifest(tables=[{"name": "t", "rows": 1, "columns": [column]}], seed="x"))
    assert verdict.reason == "InvalidSpec"
    assert any("spec.seed" in problem for problem in verdict.problems)
    assert verdict.digest == ""


def test_warnings_come_with_the_digest_and_with_the_plan() -> None:
    lake = {"parquet": {"bucket": "lake", "secretName": "lake"}}
    columns = [{"name": name, "type": "text"} for number in range(60) for name in _pair(number)]
    text = manifest(tables=[{"name": "t", "rows": 1, "columns": columns}], destinations=lake)
    judged = judge(text)
    assert judged.problems == ()
    assert judged.digest.startswith("sha256:")
    assert len(judged.warnings) == 50, "no more than of problems"
    assert judged.warnings[0].startswith("t.Name0: spec.tables[0].columns[1].name: ")
    frozen = ask(lambda validator: validator.freeze("team", "uid", text, FREEZE))
    assert frozen.bundle
    assert frozen.warnings == judged.warnings


def _pair(number: int) -> tuple[str, str]:
    return f"name{number}", f"Name{number}"


def test_what_only_a_cluster_refuses_is_refused() -> None:
    bare = manifest(destinations={"postgres": {}})
    assert "chart has no default" in judge(bare).problems[0]
    assert judge(bare, defaults=Defaults("warehouse")).problems == ()
    pod = manifest(podTemplate={"serviceAccountName": "admin"})
    assert "serviceAccountName" in judge(pod).problems[0]


def test_what_only_a_cluster_refuses_is_told_beside_all_that_is_wrong() -> None:
    columns: list[dict[str, Any]] = [
        {"name": "a", "type": "string"},
        {"name": "b", "type": "text", "unique": True},
    ]
    columns[1] |= {"generate": {"constant": "x"}}
    bad = manifest(
        tables=[{"name": "t", "rows": 9, "columns": columns}],
        destinations={"postgres": {}, "parquet": {"bucket": "lake", "endpoint": "no endpoint"}},
        podTemplate={"serviceAccountName": "admin"},
    )
    verdict = judge(bad)
    begin = (
        "t.a: spec.tables[0].columns[0].type: ",
        "t.b: spec.tables[0].columns[1].unique: ",
        "spec.destinations.parquet.endpoint: is no endpoint",
        "spec.destinations.postgres: names no server",
        "spec.podTemplate.serviceAccountName: ",
    )
    assert len(verdict.problems) == len(begin)
    assert all(map(str.startswith, verdict.problems, begin))


def test_the_spec_of_the_newest_run_is_judged_by_the_chart_of_then() -> None:
    bare = manifest(destinations={"postgres": {}})
    planned = judge(bare, defaults=Defaults("warehouse")).digest
    known: dict[str, Any] = {"planned": planned, "planned_by": Defaults("warehouse")}
    assert judge(bare, **known).problems == ()
    assert judge(bare, **{**known, "planned_by": Defaults()}, defaults=Defaults("new")).problems
    assert "chart has no default" in judge(bare, rerun="2", **known).problems[0]


def test_any_text_that_the_api_server_keeps_is_read_as_it_is() -> None:
    column = {"name": "a", "type": "text"}
    strange = 'a\u0007\u007f\u0085\u2028\ufeff\U0001f600"\\ #: {['
    choice = {"values": [strange, "plain", "yes", "1e3", "\t"]}
    tables = [{"name": "t", "rows": 3, "columns": [column | {"generate": {"choice": choice}}]}]
    frozen = ask(lambda v: v.freeze("team", "uid-1", manifest(tables=tables), FREEZE))
    assert frozen.problems == ()
    kept = unpack(frozen.bundle).manifest["spec"]["tables"][0]["columns"][0]["generate"]["choice"][
        "values"
    ]
    assert kept == choice["values"]


def test_a_frozen_run_has_all_that_its_pods_need() -> None:
    wanted = replace(FREEZE, defaults=Defaults("chart-secret"))
    text = manifest(destinations={"postgres": {}}, parallelism=3)
    frozen = ask(lambda v: v.freeze("team", "uid-1", text, wanted))
    bundle = unpack(frozen.bundle)
    assert (bundle.plan.digest, bundle.plan.rows) == (frozen.digest, 3_000)
    assert (bundle.engine, bundle.namespace, bundle.uid) == ("here", "team", "uid-1")
    assert (bundle.number, bundle.adopt, bundle.image) == (3, "a/b/c", "w:1")
    assert bundle.defaults == Defaults(postgres_secret="chart-secret")
    assert bundle.manifest == {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop", "namespace": "team"},
        "spec": json.loads(text)["spec"] | {"rerun": "again"},
    }


def test_the_same_run_is_frozen_to_the_same_bytes() -> None:
    bundles = {
        ask(lambda v: v.freeze("team", "uid-1", manifest(), FREEZE)).bundle for _ in range(2)
    }
    assert len(bundles) == 1


def test_the_data_version_of_the_last_run_holds() -> None:
    again = replace(FREEZE, number=4, rerun="", adopt=None, data_version=2)

    def planned(text: str) -> int:
        return unpack(
            ask(lambda v: v.freeze("team", "uid-1", text, again)).bundle
        ).plan.data_version

    assert planned(manifest()) == 2
    assert planned(manifest(dataVersion=1)) == 1, "the manifest names one"


def test_a_manifest_is_judged_by_the_data_version_that_holds() -> None:
    sku = {"name": "sku", "type": "text", "unique": True}
    url = {"name": "url", "type": "varchar(40)", "unique": True}
    link = {"name": "link", "type": "varchar(16)", "generate": {"template": "{url}"}}
    name = {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}}
    address = {"template": "{name|slug}@example.com"}
    mail = {"name": "mail", "type": "varchar(76)", "generate": address}

    def judged(*columns: dict[str, Any], data_version: int) -> Judgement:
        text = manifest(tables=[{"name": "t", "rows": 10, "columns": columns}])
        return judge(text, data_version=data_version)

    assert [len(judged(sku, data_version=version).warnings) for version in (1, 2)] == [1, 0]
    assert judged(url, link, data_version=1).problems == ()
    [problem] = judged(url, link, data_version=2).problems
    assert "(by data version 2, that of its last run; `dataVersion: 1` takes it" in problem
    assert [len(judged(name, mail, data_version=version).problems) for version in (1, 2)] == [1, 0]
    [problem] = judged(url, data_version=99).problems
    assert "99 is unknown to this release" in problem


def test_the_memory_of_a_worker_is_its_limit() -> None:
    def batch_rows(text: str, **resources: Any) -> int:
        settings = replace(SETTINGS, resources=resources)
        frozen = ask(lambda v: v.freeze("team", "uid-1", text, FREEZE), settings=settings)
        return unpack(frozen.bundle).plan.tables[0].batch_rows

    wide = [
        {"name": f"c{n}", "type": "text", "generate": {"pattern": "[a-z]{200}"}} for n in range(20)
    ]
    tables = [{"name": "t", "rows": 1_000_000, "columns": wide}]
    text = manifest(tables=tables)
    assert batch_rows(text, limits={"memory": "200Mi"}) < batch_rows(text)
    assert batch_rows(manifest(tables=tables, resources={"limits": {"memory": "200Mi"}})) == (
        batch_rows(text, limits={"memory": "200Mi"})
    )


def test_a_bundle_that_fits_no_config_map_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    request: dict[str, Any] = {
        "namespace": "team",
        "manifest": manifest(),
        "rerun": "",
        "defaults": {"postgres": None, "parquet": None},
        "serviceAccounts": [],
        "engine": "here",
        "image": "w:1",
        "memory": None,
        "uid": "uid-1",
        "number": 1,
        "adopt": None,
        "dataVersion": None,
    }
    size = len(base64.b64decode(freeze_run(request)["bundle"]))
    monkeypatch.setattr("rowmill_operator.validation.validator_process.MAX_BUNDLE", size - 1)
    assert freeze_run(request) == {"bytes": size}


def test_a_manifest_that_takes_too_long_is_refused_and_the_next_is_judged() -> None:
    async def both(validator: Validator) -> Judgement:
        late = await validator.judge("team", manifest(), JUDGE)
        assert late.problems == ("the manifest takes too long to check; make it smaller",)
        validator._seconds = 60
        return await validator.judge("team", manifest(), JUDGE)

    assert ask(both, seconds=0.001).digest.startswith("sha256:")


def test_a_manifest_that_takes_too_much_memory_is_refused_and_the_next_is_judged() -> None:
    columns = [
        {"name": f"c{n}", "type": "text", "generate": {"pattern": "[a-z]{3}"}} for n in range(130)
    ]
    tables = [{"name": f"t{n}", "rows": 1_000, "columns": columns} for n in range(100)]

    async def both(validator: Validator) -> Judgement:
        large = await validator.judge("team", manifest(tables=tables), JUDGE)
        assert large.problems == ("the manifest takes too much memory to check; make it smaller",)
        assert large.reason == "InvalidSpec"
        return await validator.judge("team", manifest(), JUDGE)

    assert ask(both, memory=72 * 2**20).digest.startswith("sha256:")


def test_a_process_that_was_killed_is_started_again() -> None:
    async def killed(validator: Validator) -> Judgement:
        await validator.judge("team", manifest(), JUDGE)
        assert validator._process is not None
        validator._process.kill()
        return await validator.judge("team", manifest(), JUDGE)

    assert ask(killed).digest.startswith("sha256:")


def test_several_questions_at_once_get_their_own_answers() -> None:
    async def many(validator: Validator) -> Judgement:
        answers = await asyncio.gather(
            *(validator.judge("team", manifest(seed=seed), JUDGE) for seed in range(6))
        )
        assert len({answer.digest for answer in answers}) == 6
        return answers[0]

    ask(many)
