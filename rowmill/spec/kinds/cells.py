"""Kinds of cells: what `generate` says of a column, read by the column's type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from rowmill.counting import counted
from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.inference import infer
from rowmill.spec.kind import (
    Array,
    Boolean,
    Choice,
    Constant,
    Kind,
    Parent,
    Pattern,
    Reference,
    Uuid,
)
from rowmill.spec.kinds import numbers, temporal
from rowmill.spec.kinds.faker import read_faker
from rowmill.spec.kinds.reading import Reading, read_value
from rowmill.spec.kinds.templates import parse_template
from rowmill.spec.kinds.texts import UUID_LENGTH
from rowmill.spec.manifest.generators import (
    AfterSpec,
    ArraySpec,
    BooleanSpec,
    ChoiceSpec,
    OneOf,
    OrdinalSpec,
    ParentSpec,
    SequenceSpec,
    UuidSpec,
)
from rowmill.spec.paths import Path, shown
from rowmill.spec.patterns.automaton import compile_pattern
from rowmill.spec.references import holds
from rowmill.spec.report import Report
from rowmill.spec.values.types import NUMBERS, SAMPLES, STRINGS, ColumnType, TypeName

# The alias table's indexes have 16 bits.
MAX_WEIGHTS = 65_536
# A total that a float still holds.
MAX_TOTAL_WEIGHT = 10**300

_ANY = frozenset(TypeName)
_TIMES = frozenset({TypeName.TIME, TypeName.INTERVAL}) | temporal.MOMENTS
# Which kinds fill which types; arrays are filled by `array`, `choice`, `constant` and `parent`.
FITS: dict[str, frozenset[TypeName]] = {
    "sequence": NUMBERS,
    "ordinal": NUMBERS,
    "integer": NUMBERS,
    "number": NUMBERS,
    "boolean": frozenset({TypeName.BOOLEAN}),
    "choice": _ANY,
    "between": _TIMES,
    "after": temporal.MOMENTS,
    "normal": NUMBERS,
    "lognormal": NUMBERS,
    "exponential": NUMBERS,
    "poisson": NUMBERS,
    "beta": NUMBERS,
    "zipf": NUMBERS,
    "uuid": STRINGS | {TypeName.UUID},
    "faker": STRINGS | NUMBERS | {TypeName.INET, TypeName.BOOLEAN},
    "template": STRINGS,
    "pattern": STRINGS,
    "constant": _ANY,
    "parent": _ANY,
}
_FIT_ARRAYS = ("array", "choice", "constant", "parent")


def read_cells(drafts: Drafts, locale: str | None, data_version: int, report: Report) -> None:
    """Give every column its kind, or leave None where a problem was found or hides it.

    `locale` is the default of Faker's columns, None if it is not known. By `data_version` is
    inferred what the manifest leaves out.
    """
    for draft in drafts.tables:
        for column in draft.every:
            column.kind = _read_column(column, drafts, locale, data_version, report)


def _read_column(
    column: ColumnDraft,
    drafts: Drafts,
    locale: str | None,
    data_version: int,
    report: Report,
) -> Kind | None:
    if column.link is not None:
        return _reference(column)
    given = column.spec.generate
    if column.doubtful("generate") or column.doubtful("references"):
        return None
    if given is None and (locale is None or _may_differ(column)):
        return None
    path = column.path if given is None else (*column.path, "generate")
    inferred = given is None
    reading = Reading(column, column.type, path, drafts, locale, data_version, report, inferred)
    generate = infer(column, str(locale), data_version).generate if given is None else given
    if column.doubtful("type"):
        _read_whatever_type(generate, reading)
        return None
    kind = _read(generate, reading)
    return None if report.doubts.below((*column.path, "generate")) else kind


def _may_differ(column: ColumnDraft) -> bool:
    """Whether what is inferred for a column hangs on what is not known of it."""
    return (
        not column.named
        or not column.uniqueness_known
        or column.table.links_hidden
        or column.doubtful("type")
        or _needs_rows(column)
    )


def _needs_rows(column: ColumnDraft) -> bool:
    """Whether it is inferred by the number of rows, which is not known."""
    counted_by = STRINGS | {TypeName.INET}
    unique = column.wants_unique is not None and column.type.name in counted_by
    return unique and column.table.rows is None


def _read_whatever_type(generate: OneOf, reading: Reading) -> None:
    """Say what is wrong with a `generate` whatever the type of its column will be.

    By some types the words may be others, so long as something is wrong there by each.
    """
    member, _ = generate.member
    attempts = []
    for kind in SAMPLES:
        if _fits(member, kind):
            report = reading.report.apart()
            _read(generate, replace(reading, type=kind, report=report))
            attempts.append(report.found)
    told = Counter(problem for found in attempts for problem in found)
    paths = Counter(path for found in attempts for path in {path for path, _ in found})
    for (path, message), times in told.items():
        if paths[path] == len(attempts) and times * 2 > len(attempts):
            reading.report.add(path, message)


def _reference(column: ColumnDraft) -> Kind | None:
    link = column.table.links.get(column.link or "")
    # Another reference may have taken the name, which is reported.
    if link is None or column.name not in link.columns:
        return None
    return Reference(link.name, link.parent_columns[link.columns.index(column.name)])


def _read(generate: OneOf, reading: Reading) -> Kind | None:
    member, value = generate.member
    here = reading.under(member)
    if not _fits(member, reading.type):
        right = _FIT_ARRAYS if reading.type.array else [k for k in FITS if _fits(k, reading.type)]
        reading.report.add(
            here.path,
            f"{member} does not make {reading.type}; use {', '.join(right)}",
        )
        return None
    return _READERS[member](value, here)


def _fits(member: str, column_type: ColumnType) -> bool:
    if column_type.array or member == "array":
        return column_type.array and member in _FIT_ARRAYS
    return column_type.name in FITS[member]


def _sequence(spec: SequenceSpec, reading: Reading) -> Kind | None:
    rows = reading.column.table.rows
    rows = None if rows is None else rows * reading.cells
    why = ""
    if reading.inferred:
        unique = "unique and " if reading.column.wants_unique is not None else ""
        why = f"is {unique}without `generate`, so it counts from {spec.start}: "
    return numbers.read_sequence(spec, reading.type, rows, reading.path, reading.report, why)


def _ordinal(spec: OrdinalSpec, reading: Reading) -> Kind | None:
    per = reading.column.table.spec.rows_per
    if per is None and reading.column.table.doubtful("rowsPer"):
        return None
    if per is None:
        reading.report.add(
            reading.path,
            "counts rows within a parent, and this table has no `rowsPer`; "
            "use sequence, or `rowsPer` in place of `rows`",
        )
        return None
    return numbers.check_ordinal(per.max, reading.type, reading.path, reading.report)


def _boolean(spec: BooleanSpec, _: Reading) -> Kind | None:
    return Boolean(float(spec.probability))


def _choice(spec: ChoiceSpec, reading: Reading) -> Kind | None:
    values = [
        read_value(value, replace(reading, path=(*reading.path, "values", i)))
        for i, value in enumerate(spec.values)
    ]
    weights = _weights(spec, reading) if spec.weights is not None else ()
    if weights is None:
        return None
    known = tuple(value for value in values if value is not None)
    return Choice(known, weights or None) if len(known) == len(values) else None


def _weights(spec: ChoiceSpec, reading: Reading) -> tuple[int, ...] | None:
    """Integers in the proportions of the manifest's weights; None after a problem."""
    weights, path = spec.weights or (), (*reading.path, "weights")
    problem = None
    if len(weights) != len(spec.values):
        problem = (
            f"has {counted(len(weights), 'weight')} for {counted(len(spec.values), 'value')}; "
            "expected as many"
        )
    elif not any(weights):
        problem = "are all 0; expected at least one above 0"
    elif len(weights) > MAX_WEIGHTS:
        problem = f"has {counted(len(weights), 'weight')}; expected at most {MAX_WEIGHTS:,}"
    if problem is not None:
        reading.report.add(path, problem)
        return None
    exact = [Fraction(weight) for weight in weights]
    unit = lcm(*(weight.denominator for weight in exact))
    whole = [int(weight * unit) for weight in exact]
    whole = [weight // gcd(*whole) for weight in whole]
    if sum(whole) > MAX_TOTAL_WEIGHT:
        reading.report.add(path, "are too far apart; use weights within 10^300")
        return None
    return tuple(whole)


def _after(spec: AfterSpec, reading: Reading) -> Kind | None:
    link = reading.link(spec.via) if spec.via is not None else None
    source = reading.source(spec.column, spec.via)
    via = link.name if link is not None else None
    kind = temporal.read_after(spec, source, via, reading.type, reading.path, reading.report)
    return None if spec.via is not None and link is None else kind


def _uuid(spec: UuidSpec, reading: Reading) -> Kind | None:
    length = reading.type.length
    if length is not None and length < UUID_LENGTH:
        reading.report.add(
            reading.path,
            f"has {UUID_LENGTH} characters, more than {reading.type} holds; use the type uuid",
        )
        return None
    return Uuid(spec.version)


def _template(text: str, reading: Reading) -> Kind | None:
    table = reading.column.table
    template, problems = parse_template(text, table.columns, open_names=table.open)
    for problem in problems:
        reading.report.add(reading.path, problem)
    return template


def _pattern(text: str, reading: Reading) -> Kind | None:
    try:
        compile_pattern(text)
    except ValueError as error:
        reading.report.attempt(reading.path, error)
        return None
    return Pattern(text)


def _constant(value: int | str, reading: Reading) -> Kind | None:
    literal = read_value(value, reading)
    return None if literal is None else Constant(literal)


def _parent(spec: ParentSpec, reading: Reading) -> Kind | None:
    link = reading.link(spec.via)
    source = reading.source(spec.column, spec.via)
    if source is None or source.doubtful("type"):
        return None
    if not holds(reading.type, source.type):
        reading.report.add(
            (*reading.path, "column"),
            f"{shown(source.name)} is {source.type}, this column {reading.type}; use {source.type}",
        )
        return None
    return None if link is None else Parent(link.name, spec.column)


def _array(spec: ArraySpec, reading: Reading) -> Kind | None:
    if spec.min > spec.max:
        reading.report.add(
            (*reading.path, "min"),
            f"{spec.min} is more than max, {spec.max}; expected at most max",
        )
    kind = _read(
        spec.of, replace(reading.under("of"), type=reading.type.element, cells=max(spec.max, 1))
    )
    return None if kind is None or spec.min > spec.max else Array(kind, spec.min, spec.max)


def _number_reader(
    read: Callable[[Any, ColumnType, Path, Report], Kind | None],
) -> Callable[[Any, Reading], Kind | None]:
    return lambda spec, reading: read(spec, reading.type, reading.path, reading.report)


_READERS: dict[str, Callable[[Any, Reading], Kind | None]] = {
    "sequence": _sequence,
    "ordinal": _ordinal,
    "integer": _number_reader(numbers.read_integer),
    "number": _number_reader(numbers.read_number),
    "boolean": _boolean,
    "choice": _choice,
    "between": _number_reader(temporal.read_between),
    "after": _after,
    "normal": _number_reader(numbers.read_normal),
    "lognormal": _number_reader(numbers.read_lognormal),
    "exponential": _number_reader(numbers.read_exponential),
    "poisson": _number_reader(numbers.read_poisson),
    "beta": _number_reader(numbers.read_beta),
    "zipf": _number_reader(numbers.read_zipf),
    "uuid": _uuid,
    "faker": read_faker,
    "template": _template,
    "pattern": _pattern,
    "constant": _constant,
    "parent": _parent,
    "array": _array,
}
