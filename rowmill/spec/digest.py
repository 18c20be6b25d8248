"""The spec digest: a SHA-256 over what defines an experiment's result, and nothing else.

It must stay the same for ever: across releases, spellings of the same manifest, new fields and
defaults written out. So it is made from the manifest, with every field that
equals its default left out, and numbers and durations in one form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rowmill.spec.dataset import Dataset, ParquetTarget, PostgresTarget
from rowmill.spec.fields import Model, OneOf
from rowmill.spec.inference import default_entity
from rowmill.spec.kind.entry import DigestedColumn
from rowmill.spec.kinds import ENTRIES
from rowmill.spec.manifest.experiment import ColumnSpec, Experiment, RowsPerSpec, TableSpec
from rowmill.spec.manifest.generators import ElementSpec
from rowmill.spec.values.types import ColumnType

# By whose defaults a field is left out, whichever version a run is of: a digest stays the same.
_DEFAULTS = 1
_ENTRIES = {entry.key: entry for entry in ENTRIES}


def spec_digest(
    experiment: Experiment,
    dataset: Dataset,
    parquet: ParquetTarget | None,
    postgres: PostgresTarget | None,
) -> str:
    """`sha256:` and 64 hex digits; seed and rows are the dataset's: overridden, scaled."""
    rows = {table.name: table.rows for table in dataset.tables}
    form: dict[str, Any] = {
        "tables": [_table(table, rows, experiment.spec.locale) for table in experiment.spec.tables],
        "destinations": _destinations(parquet, postgres),
    }
    if dataset.seed != 0:
        form["seed"] = dataset.seed
    form |= _given(experiment.spec, ("locale", "rerun"))
    text = json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _destinations(
    parquet: ParquetTarget | None, postgres: PostgresTarget | None
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if parquet is not None:
        found["parquet"] = {"bucket": parquet.bucket, "prefix": parquet.prefix}
        if parquet.endpoint is not None:
            found["parquet"]["endpoint"] = parquet.endpoint.rstrip("/")
        if parquet.compression != "zstd":
            found["parquet"]["compression"] = parquet.compression
    if postgres is not None:
        found["postgres"] = {"schema": postgres.schema}
        if postgres.ledger_schema != "rowmill":
            found["postgres"]["ledgerSchema"] = postgres.ledger_schema
        if postgres.constraints != "all":
            found["postgres"]["constraints"] = postgres.constraints
    return found


def _table(table: TableSpec, rows: Mapping[str, int], locale: str) -> dict[str, Any]:
    form = _form(table)
    form.pop("scales", None)
    if table.rows is not None:
        form["rows"] = rows[table.name]
    if table.rows_per is not None and table.rows_per.via in _sole_link(table, table.rows_per):
        del form["rowsPer"]["via"]
    for key in form.get("foreignKeys", ()):
        _leave_out_pick(key, key["references"]["table"] == table.name)
    for column, inner in zip(table.columns, form["columns"], strict=True):
        _leave_out_of_column(column, inner, table.name, locale)
    return form


def _leave_out_of_column(column: ColumnSpec, form: dict[str, Any], table: str, locale: str) -> None:
    """Drop what equals a default that depends on other fields."""
    if "references" in form:
        _leave_out_pick(form["references"], form["references"]["table"] == table)
    if column.generate is not None:
        of = _DigestedColumn(column.name, column.type, locale)
        leave_out_defaults(column.generate, form["generate"], of)


@dataclass(frozen=True)
class _DigestedColumn:
    """What decides a parameter's default, where that hangs on the column."""

    name: str
    type: ColumnType
    locale: str

    def entity(self, person: bool) -> str:
        """The entity of a Faker column that names none."""
        return default_entity(self.name, person, _DEFAULTS)


def leave_out_defaults(generate: OneOf, form: dict[str, Any], column: DigestedColumn) -> None:
    """Drop from a generator's form, and from all inside it, what equals a default by the column."""
    member, value = generate.member
    inner = form[member]
    if not isinstance(value, Model):
        return
    for name, default in _ENTRIES[member].defaults(inner, column).items():
        _drop_if(inner, name, default)
    for below, its_form in _generators(value, inner):
        leave_out_defaults(below, its_form, column)


def _generators(value: object, form: Any) -> Iterator[tuple[OneOf, dict[str, Any]]]:
    """The generators that a value is or holds, not those inside them, each with its form."""
    if isinstance(value, ElementSpec):
        yield value, form
    elif isinstance(value, Model):
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            # A field that equals its default has no form.
            if key in form:
                yield from _generators(getattr(value, name), form[key])
    elif isinstance(value, tuple):
        for item, its_form in zip(value, form, strict=True):
            yield from _generators(item, its_form)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _generators(item, form[key])


def _leave_out_pick(reference: dict[str, Any], to_itself: bool) -> None:
    _drop_if(reference, "pick", {"tree": {}} if to_itself else {"uniform": {}})


def _drop_if(form: dict[str, Any], name: str, default: object) -> None:
    if name in form and form[name] == default:
        del form[name]


def _sole_link(table: TableSpec, per: RowsPerSpec) -> tuple[str, ...]:
    """How `via` may name the link that is taken without it: the only reference to the parent."""
    links: list[tuple[str, ...]] = [
        (c.name,) for c in table.columns if c.references and c.references.table == per.table
    ]
    links += [key.columns for key in table.foreign_keys if key.references.table == per.table]
    return (",".join(links[0]), ", ".join(links[0])) if len(links) == 1 else ()


def _form(model: Model) -> dict[str, Any]:
    """The model as plain JSON values, without the fields that equal their default."""
    if isinstance(model, OneOf):
        name, value = model.member
        literals = _ENTRIES[name].literals if isinstance(model, ElementSpec) else ()
        if "" in literals:
            return {name: str(value)}
        form = _plain(value)
        for each in literals:
            # Read by the column's type, `1` and "1" are one value.
            form[each] = [str(item) for item in getattr(value, each)]
        return {name: form}
    return _given(model, tuple(type(model).model_fields))


def _given(model: Model, names: tuple[str, ...]) -> dict[str, Any]:
    fields = type(model).model_fields
    found = {}
    for name in names:
        value = getattr(model, name)
        if value != fields[name].default and value not in ((), {}):
            found[fields[name].alias or name] = _plain(value)
    return found


def _plain(value: object) -> Any:
    if isinstance(value, Model):
        return _form(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, ColumnType):
        return value.sql
    return value


def _number(value: Decimal) -> int | str:
    """40 and 40.0 are the integer 40; what is not whole is its shortest decimal text."""
    if value == value.to_integral_value():
        return int(value)
    return format(value.normalize(), "f")
