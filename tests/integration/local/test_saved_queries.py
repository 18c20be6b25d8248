"""Queries that are kept with an experiment, whatever it loads into, for as long as it is known."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import rowmill
from rowmill.engine.warehouse import Warehouse
from rowmill.errors import NotFound, Unsupported
from tests.integration.experiments import PEOPLE, manifest

POSTGRES_ALONE: dict[str, Any] = {"parquet": None}
BUCKET_ALONE: dict[str, Any] = {"postgres": None}


@pytest.fixture
def experiment(name: str) -> Callable[..., rowmill.Experiment]:
    def load(**destinations: Any) -> rowmill.Experiment:
        spec = {"tables": [{**PEOPLE, "rows": 10}], **destinations}
        if spec.get("parquet", {}) is not None:
            spec["parquet"] = {"prefix": f"{name}/"}
        return rowmill.load(name, text=json.dumps(manifest(name, **spec)))

    return load


@pytest.mark.parametrize("destinations", [POSTGRES_ALONE, BUCKET_ALONE, {}], ids=str)
def test_a_query_outlives_a_reset_and_goes_with_the_experiment(
    name: str, experiment: Callable[..., rowmill.Experiment], destinations: dict[str, Any]
) -> None:
    shop, engine = experiment(**destinations), rowmill.local_engine()
    shop.run()
    engine.warehouse(name).save_query("all", "table people")
    assert _names(engine.warehouse(name)) == ["all"]
    engine.reset(name)
    assert _names(engine.warehouse(name)) == ["all"]
    engine.delete(name, purge=True)
    shop.run()
    assert _names(engine.warehouse(name)) == []
    with pytest.raises(NotFound) as refusal:
        engine.warehouse(name).forget_query("all")
    assert refusal.value.reason == "QueryUnknown"
    engine.delete(name, purge=True)


def test_what_is_in_a_bucket_alone_is_asked_nothing_in_sql(
    name: str, experiment: Callable[..., rowmill.Experiment]
) -> None:
    experiment(**BUCKET_ALONE).run()
    warehouse = rowmill.local_engine().warehouse(name)
    with pytest.raises(Unsupported) as refusal, warehouse.query("select 1"):
        pass
    assert refusal.value.reason == "NoPostgres"
    with pytest.raises(Unsupported):
        list(warehouse.csv("select 1"))
    rowmill.local_engine().delete(name, purge=True)


def _names(warehouse: Warehouse) -> list[str]:
    return [query.name for query in warehouse.saved_queries()]
