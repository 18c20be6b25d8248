"""Small manifests for the tests of the rules."""

from __future__ import annotations

from pathlib import Path

from rowmill.spec.dataset import Dataset, Table
from rowmill.spec.load import load_spec
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.structure import read_structure
from rowmill.spec.problems import InvalidManifest

VALID = Path(__file__).parent / "valid"


def resolved(name: str) -> Dataset:
    """The dataset of the valid manifest of that name."""
    return load_spec(VALID / f"{name}.yaml").dataset


def read(text: str) -> Experiment:
    """The typed manifest of a text whose structure is sound, whatever else is wrong with it."""
    experiment = read_structure(text).experiment
    assert experiment is not None
    return experiment


def with_tables(tables: str, settings: str = "") -> Dataset:
    """The dataset of a manifest with these tables (a YAML list in flow style)."""
    return load_spec("test", text=_manifest(tables, settings)).dataset


def with_columns(*columns: str, table: str = "rows: 10") -> Table:
    """The one table `t` of a manifest, with these columns (YAML mappings without braces)."""
    return with_tables(_one_table(columns, table)).table("t")


def problems(tables: str, settings: str = "") -> list[str]:
    """What is wrong with a manifest of these tables; nothing if it is valid."""
    try:
        load_spec("test", text=_manifest(tables, settings))
    except InvalidManifest as error:
        return [str(problem) for problem in error.problems]
    return []


def column_problems(*columns: str, table: str = "rows: 10") -> list[str]:
    """What is wrong with a manifest whose one table `t` has these columns."""
    return problems(_one_table(columns, table))


def _one_table(columns: tuple[str, ...], table: str) -> str:
    listed = ", ".join(f"{{{column}}}" for column in columns)
    return f"[{{name: t, {table}, columns: [{listed}]}}]"


def _manifest(tables: str, settings: str) -> str:
    return (
        "apiVersion: rowmill.dev/v1alpha1\n"
        "kind: Experiment\n"
        "metadata: {name: test}\n"
        f"spec: {{tables: {tables}, destinations: {{postgres: {{}}}}, {settings}}}\n"
    )
