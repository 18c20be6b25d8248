"""Published Parquet objects keep their types, whatever the spec asks for by then; that is told."""

from __future__ import annotations

from tests.unit.operator.memory_cluster import MemoryCluster, experiment

LAKE = {"bucket": "lake", "secretName": "lake"}


def written(types: str | None = None) -> dict[str, object]:
    parquet = LAKE if types is None else LAKE | {"types": types}
    return {"destinations": {"parquet": parquet}}


def test_a_change_of_types_alone_is_told_by_complete_until_it_is_taken_back() -> None:
    cluster = MemoryCluster(experiment(settings=written()))
    cluster.finish_run(run="a", parquetTypes="portable")
    assert cluster.run["parquetTypes"] == "portable"
    assert "types" not in cluster.condition("Complete")["message"]
    reported = len(cluster.reported)

    cluster.change(settings=written("native"))
    cluster.settle()

    message = cluster.condition("Complete")["message"]
    assert "keep their types (portable), though the spec asks for native" in message
    assert "`kubectl rowmill rerun shop` writes them anew" in message
    assert cluster.phase == "Complete"
    assert len(cluster.reported) == reported
    cluster.change(settings=written("portable"))
    cluster.settle()
    assert "types" not in cluster.condition("Complete")["message"]


def test_a_repeat_tells_of_the_types_of_the_run_that_it_repeats() -> None:
    cluster = MemoryCluster(experiment(settings=written("native")))
    cluster.finish_run(run="a", repeat=True, parquetTypes="portable")
    assert "keep their types (portable)" in cluster.condition("Complete")["message"]


def test_without_parquet_nothing_is_told_of_types() -> None:
    cluster = MemoryCluster(experiment())
    cluster.finish_run(run="a", parquetTypes="native")
    assert "types" not in cluster.condition("Complete")["message"]
