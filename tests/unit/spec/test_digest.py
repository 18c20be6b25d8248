"""The spec digest changes with what defines the result, and with nothing else, for ever."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, create_model

from rowmill.spec.digest import leave_out_defaults, spec_digest
from rowmill.spec.fields import Model
from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.manifest.experiment import ColumnSpec
from rowmill.spec.manifest.generators import ElementSpec
from rowmill.spec.values.types import ColumnType, parse_type
from tests.unit.spec.manifests import read

HERE = Path(__file__).parent
GOLDEN: dict[str, str] = json.loads((HERE / "digests.json").read_text(encoding="utf-8"))

BASE = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  seed: 42
  scale: 2
  tables:
    - name: parents
      rows: 40
      primaryKey: [id]
      columns:
        - {name: id, type: bigint, generate: {sequence: {}}}
        - {name: code, type: text, unique: true, generate: {pattern: "[a-z]{9}"}}
        - {name: up, type: bigint, references: {table: parents, column: id}}
        - {name: day, type: date, generate: {between: {start: "2020-01-01", end: "2020-02-01"}}}
        - {name: at, type: timestamp, generate: {between: {start: "2020-01-01", end: "2021-01-01"}}}
        - {name: done, type: timestamp, generate: {after: {column: at, mean: 90d}}}
        - {name: size, type: integer, generate: {choice: {values: [1, 2]}}}
        - {name: price, type: "numeric(10,2)", generate: {number: {min: 1, max: 40}}}
        - {name: buyer_name, type: text, generate: {faker: {provider: name}}}
        - {name: share, type: real, nulls: 0.5, generate: {normal: {mean: 40, stddev: 1.5}}}
    - name: children
      rowsPer: {table: parents, mean: 2.5, max: 4}
      columns:
        - {name: parent, type: bigint, references: {table: parents, column: id}}
        - name: friend
          type: text
          references: {table: others, column: code, pick: {zipf: {exponent: 1.1}}}
    - name: others
      rows: 5
      scales: false
      columns:
        - {name: code, type: text, unique: true, generate: {pattern: "[A-Z]{9}"}}
  destinations:
    parquet: {bucket: lake, endpoint: "http://s3.example:8333", secretName: lake}
    postgres: {secretName: warehouse}
"""


def _digest(text: str, scale: str | None = None, seed: int | None = None) -> str:
    return load_spec("shop", text=text, overrides=Overrides(scale=scale, seed=seed)).digest


def _edited(old: str, new: str) -> str:
    assert BASE.count(old) == 1
    return BASE.replace(old, new)


def test_golden_digests() -> None:
    """A changed digest would run every such experiment again: never edit digests.json."""
    found = {path.stem: load_spec(path).digest for path in sorted((HERE / "valid").glob("*.yaml"))}
    assert {name: found.get(name) for name in GOLDEN} == GOLDEN
    assert found.keys() == GOLDEN.keys()


def test_form() -> None:
    kind, _, digits = _digest(BASE).partition(":")
    assert kind == "sha256"
    assert len(digits) == 64
    assert int(digits, 16) >= 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 42", "seed: 0x2A"),
        ("seed: 42", "locale: en_US\n  seed: 42\n  rerun: ''"),
        ("scale: 2", "scale: 2.0"),
        ("rows: 40", "rows: 4e1\n      scales: yes\n      unique: []"),
        ("generate: {sequence: {}}", "nulls: 0, unique: false, generate: {sequence: {step: 1}}"),
        ("up, type: bigint, references: {", "up, type: bigint, references: {pick: {tree: {}}, "),
        (
            "up, type: bigint, references: {",
            "up, type: bigint, references: {pick: {tree: {roots: 1}}, ",
        ),
        ('end: "2020-02-01"', 'end: "2020-02-01", resolution: 24h'),
        ('end: "2021-01-01"', 'end: "2021-01-01", resolution: 1000ms'),
        ("mean: 90d", "mean: 2160h, min: 0s"),
        ("values: [1, 2]", 'values: ["1", 2]'),
        ("max: 40}", "max: 40.0, decimals: 2}"),
        ('"numeric(10,2)"', '"NUMERIC(10, 2)"'),
        ("provider: name", "provider: name, locale: en_US, pool: 10_000, entity: buyer, args: {}"),
        ("mean: 40, stddev: 1.5", "stddev: 15e-1, mean: 40.0"),
        ("mean: 2.5, max", "via: parent, min: 0, mean: 2.50, max"),
        ("bucket: lake,", "bucket: lake, prefix: shop, compression: zstd,"),
        ("bucket: lake,", "bucket: lake, prefix: shop/,"),
        ("8333", "8333/"),
        ("{secretName: warehouse}", "{schema: shop, constraints: all, ledgerSchema: rowmill}"),
    ],
)
def test_the_same_result_spelt_otherwise(old: str, new: str) -> None:
    assert _digest(_edited(old, new)) == _digest(BASE)


def test_scaled_rows_count_not_the_scale() -> None:
    doubled = _edited("rows: 40", "rows: 80").replace("scale: 2", "scale: 1")
    fixed = _edited("rows: 40", "rows: 80\n      scales: false")
    assert _digest(doubled) == _digest(fixed) == _digest(BASE)
    assert _digest(BASE, scale="0.5") == _digest(_edited("scale: 2", "scale: 0.5"))
    assert _digest(BASE, seed=7) == _digest(_edited("seed: 42", "seed: 7"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("secretName: lake}", "secretName: other}"),
        ("secretName: lake}", "auth: ambient, region: eu-west-1, ifExists: replace}"),
        ("bucket: lake,", "bucket: lake, types: native,"),
        ("seed: 42", "seed: 42\n  parallelism: 9\n  batchRows: 5000\n  suspend: true"),
        ("seed: 42", "seed: 42\n  resources: {limits: {memory: 1Gi}}\n  retriesPerShard: 1"),
        ("seed: 42", "seed: 42\n  podTemplate: {labels: {a: b}}\n  ttlSecondsAfterFinished: 1"),
        ("seed: 42", "seed: 42\n  runHistoryLimit: 1\n  deletionPolicy: Purge\n  dataVersion: 1"),
        ("seed: 42", "seed: 42\n  verify: AfterRun"),
        ("{name: shop}", "{name: shop, namespace: team-a, labels: {a: b}}"),
    ],
)
def test_what_does_not_define_the_result(old: str, new: str) -> None:
    assert _digest(_edited(old, new)) == _digest(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 42", "seed: 43"),
        ("seed: 42", "seed: 42\n  locale: de_DE"),
        ("seed: 42", "seed: 42\n  rerun: again"),
        ("scale: 2", "scale: 3"),
        ("rows: 40", "rows: 41"),
        ("max: 40}", "max: 40.01}"),
        ("max: 40}", "max: 40, decimals: 1}"),
        ("nulls: 0.5", "nulls: 0.25"),
        ("exponent: 1.1", "exponent: 1.2"),
        ("mean: 2.5", "mean: 2.25"),
        ("mean: 90d", "mean: 91d"),
        ("values: [1, 2]", "values: [2, 1]"),
        ("values: [1, 2]", "values: [1, 2], weights: [1, 2]"),
        ("name: share, type: real", "name: share, type: double precision"),
        ("name: share", "name: part"),
        ("provider: name", "provider: name, entity: seller"),
        ('end: "2021-01-01"', 'end: "2021-01-01", resolution: 1d'),
        ("bucket: lake", "bucket: pond"),
        ("bucket: lake,", "bucket: lake, prefix: other,"),
        ("bucket: lake,", "bucket: lake, compression: none,"),
        ("8333", "8334"),
        ("{secretName: warehouse}", "{schema: other}"),
        ("{secretName: warehouse}", "{constraints: keys}"),
        ("{secretName: warehouse}", "{ledgerSchema: other}"),
        ("    postgres: {secretName: warehouse}\n", ""),
        ("{name: shop}", "{name: shoe}"),
    ],
)
def test_what_defines_the_result(old: str, new: str) -> None:
    assert _digest(_edited(old, new)) != _digest(BASE)


def test_the_order_of_days_of_the_week_does_not_count() -> None:
    bounds = 'start: "2020-01-01", end: "2020-02-01"}'
    given = f"between: {{{bounds}"
    default = _digest(_edited(given, f"weekday: {{{bounds}"))
    working = f"weekday: {{days: [fri, thu, wed, tue, mon], {bounds}"
    assert _digest(_edited(given, working)) == default
    two = _digest(_edited(given, f"weekday: {{days: [mon, sat], {bounds}"))
    assert _digest(_edited(given, f"weekday: {{days: [sat, mon], {bounds}")) == two != default


class _Case(Model):
    given_if: ElementSpec


class _Composite(Model):
    in_list: tuple[ElementSpec, ...] = Field((), strict=False)
    by_name: dict[str, ElementSpec] = Field({})
    as_cases: tuple[_Case, ...] = Field((), strict=False)


class _WithComposite(ElementSpec):
    array: _Composite | None = None


@dataclass(frozen=True)
class _Price:
    type: ColumnType
    locale: str = "en_US"

    def entity(self, person: bool) -> str:
        return ""


def test_a_default_inside_a_composite_is_left_out_however_that_holds_it() -> None:
    def form(**decimals: int) -> dict[str, Any]:
        number = {"number": {"min": 0, "max": 1, **decimals}}
        cases = [{"givenIf": number}]
        return {"array": {"inList": [number], "byName": {"x": number}, "asCases": cases}}

    price = _Price(parse_type("numeric(10,2)"))
    for given in (form(decimals=2), {"array": {"inList": form(decimals=2)["array"]["inList"]}}):
        left = deepcopy(given)
        leave_out_defaults(_WithComposite.model_validate(given), left, price)
        plain = form()["array"]
        assert left == {"array": {name: plain[name] for name in given["array"]}}


def test_a_new_optional_field_changes_no_digest() -> None:
    experiment = read(BASE)
    spec = load_spec("shop", text=BASE)
    wider = create_model(
        "WiderColumn",
        __base__=ColumnSpec,
        collation=(str | None, Field(None, alias="collation")),
        compress=(bool, Field(False, alias="compress")),
        hints=(tuple[str, ...], Field((), alias="hints")),
    )
    tables = tuple(
        table.model_copy(
            update={
                "columns": tuple(wider.model_construct(**dict(column)) for column in table.columns)
            }
        )
        for table in experiment.spec.tables
    )
    newer = experiment.model_copy(
        update={"spec": experiment.spec.model_copy(update={"tables": tables})}
    )
    assert isinstance(newer.spec.tables[0].columns[0], wider)
    assert spec_digest(newer, spec.dataset, spec.parquet, spec.postgres) == spec.digest
