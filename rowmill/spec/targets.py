"""Destinations as the manifest names them, with the defaults that depend on the experiment."""

from __future__ import annotations

from rowmill.spec.dataset import ParquetTarget, ParquetTypes, PostgresTarget
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import InvalidManifest, Problem

_POSTGRES: Path = ("spec", "destinations", "postgres")
_LEDGER = "rowmill"


def resolve_targets(
    experiment: Experiment, doubts: Doubts = NO_DOUBTS
) -> tuple[ParquetTarget | None, PostgresTarget | None]:
    """The Parquet and the Postgres target, each None if the manifest has none.

    Raises:
        InvalidManifest: for schemas that Postgres or the ledger keeps for itself.
    """
    parquet, postgres = targets_of(experiment)
    if postgres is not None and (problems := _schema_problems(experiment, postgres, doubts)):
        raise InvalidManifest(problems)
    return parquet, postgres


def targets_of(experiment: Experiment) -> tuple[ParquetTarget | None, PostgresTarget | None]:
    """The targets as the experiment has them, be they right or not."""
    return _parquet(experiment), _postgres(experiment)


def _parquet(experiment: Experiment) -> ParquetTarget | None:
    spec = experiment.spec.destinations.parquet
    if spec is None:
        return None
    prefix = experiment.metadata.name if spec.prefix is None else spec.prefix
    return ParquetTarget(
        bucket=spec.bucket,
        # An empty prefix is the bucket's own root, which has no name to end in a slash.
        prefix=prefix if not prefix or prefix.endswith("/") else f"{prefix}/",
        endpoint=spec.endpoint,
        region=spec.region,
        secret_name=spec.secret_name,
        ambient=spec.auth == "ambient",
        compression=spec.compression,
        types=ParquetTypes(spec.types),
        replace=spec.if_exists == "replace",
    )


def _postgres(experiment: Experiment) -> PostgresTarget | None:
    spec = experiment.spec.destinations.postgres
    if spec is None:
        return None
    return PostgresTarget(
        schema=experiment.metadata.name if spec.schema_ is None else spec.schema_,
        ledger_schema=spec.ledger_schema,
        secret_name=spec.secret_name,
        ambient=spec.auth == "ambient",
        constraints=spec.constraints,
        replace=spec.if_exists == "replace",
    )


def _schema_problems(
    experiment: Experiment, target: PostgresTarget, doubts: Doubts
) -> list[Problem]:
    problems = []
    spec = experiment.spec.destinations.postgres
    schema_path, ledger_path = (*_POSTGRES, "schema"), (*_POSTGRES, "ledgerSchema")
    defaulted = spec is not None and spec.schema_ is None
    origin = " (the default is the experiment's name)" if defaulted else ""
    right = f"{origin}; use a schema of its own"
    known = not doubts.about(("metadata", "name") if defaulted else schema_path)
    known &= not doubts.about(schema_path)
    ledger_known = not doubts.about(ledger_path)
    if known and _is_postgres_own(target.schema):
        problems.append((schema_path, f"{shown(target.schema)} is Postgres's own{right}"))
    elif known and target.schema == _LEDGER:
        problems.append((schema_path, f"{shown(target.schema)} is Rowmill's own{right}"))
    elif known and ledger_known and target.schema == target.ledger_schema:
        problems.append((schema_path, f"{shown(target.schema)} is also the ledgerSchema{right}"))
    if ledger_known and _is_postgres_own(target.ledger_schema):
        message = f"{shown(target.ledger_schema)} is Postgres's own; use another schema"
        problems.append((ledger_path, message))
    return [Problem(path_text(path), message) for path, message in problems]


def _is_postgres_own(schema: str) -> bool:
    return schema.startswith("pg_") or schema == "information_schema"
