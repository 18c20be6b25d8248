"""A kind that leaves open what the rules ask fails when it is imported, not in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from rowmill.spec.kind.base import (
    InnerKind,
    Kind,
    KnownContents,
    KnownTexts,
    OwnKind,
    Source,
    WholeKind,
    walk,
)
from rowmill.spec.kinds import ENTRIES, Array, Choice, Gamma
from rowmill.spec.kinds import Sequence as SequenceKind
from rowmill.spec.shapes.content import UNKNOWN, Content
from rowmill.spec.shapes.text import ANYTHING, Text
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName, parse_type
from tests.unit.spec.composite import Pair
from tests.unit.spec.manifests import column_problems, with_columns

UUID_ENTRY = next(entry for entry in ENTRIES if entry.key == "uuid")


def test_a_kind_must_say_what_it_reads_and_what_it_is_made_of() -> None:
    with pytest.raises(TypeError, match="the kind Copied does not say its inner_kinds, sources"):

        class Copied(Kind):
            key: ClassVar[str] = "copied"


def test_a_kind_must_have_a_key() -> None:
    with pytest.raises(TypeError, match="the kind Nameless does not say its key"):

        class Nameless(OwnKind):
            pass


@dataclass(frozen=True)
class Silent(OwnKind):
    """A kind that says no more than it must to be a class."""

    key: ClassVar[str] = "silent"


@dataclass(frozen=True)
class OfText(Silent):
    """One that says its texts, and not what they take in Postgres."""

    def text(self, known: KnownTexts) -> Text:
        return ANYTHING


@dataclass(frozen=True)
class OfBytes(OfText):
    """One that says its bytes too, and not how many they are likely to be."""

    def content(self, column_type: ColumnType, known: KnownContents) -> Content:
        return UNKNOWN


@pytest.mark.parametrize(
    ("kind", "fits", "arrays", "question"),
    [
        (Silent, STRINGS, False, "text"),
        (OfText, STRINGS, False, "text_content"),
        (OfBytes, STRINGS, False, "size"),
        (Silent, frozenset({TypeName.DATE}), False, "span"),
        (Silent, frozenset(), True, "content"),
        (OfBytes, frozenset(), True, "size"),
    ],
)
def test_a_kind_must_answer_what_its_types_ask(
    kind: type[Kind], fits: frozenset[TypeName], arrays: bool, question: str
) -> None:
    wrong = f"{kind.__name__} fills types whose {question} it does not say"
    with pytest.raises(TypeError, match=wrong):
        replace(UUID_ENTRY, kind=kind, fits=fits, fills_arrays=arrays)


def test_a_kind_with_others_in_it_must_say_so_however_it_holds_them() -> None:
    with pytest.raises(TypeError, match="the kind Several does not say its inner_kinds, sources"):

        class Several(OwnKind):
            key: ClassVar[str] = "several"
            members: tuple[tuple[str, Kind], ...]

    with pytest.raises(TypeError, match="the kind Choosy does not say its inner_kinds"):

        class Choosy(WholeKind):
            key: ClassVar[str] = "choosy"
            of: Choice

            def sources(self) -> Sequence[Source]:
                return self.of.sources()

    with pytest.raises(TypeError, match="the kind Switch does not say its inner_kinds, sources"):

        class Switch(OwnKind):
            key: ClassVar[str] = "switch"
            cases: tuple[Case, ...]


def test_a_kind_that_names_a_column_must_say_that_it_reads_it() -> None:
    with pytest.raises(TypeError, match="the kind Sum does not say its sources"):

        class Sum(OwnKind):
            key: ClassVar[str] = "sum"
            terms: tuple[Source, ...]


@dataclass(frozen=True)
class Case:
    """One of several kinds, and when it is taken."""

    when: str
    then: Kind


def test_a_walk_finds_every_kind_inside_with_its_type_and_its_place() -> None:
    inner = SequenceKind(1, 1)
    outer = Pair(Array(inner, 0, 2), Choice(((),), None))
    integers = parse_type("integer[]")
    assert list(walk(outer, integers, ("generate",))) == [
        InnerKind(outer, integers, ("generate",)),
        InnerKind(outer.left, integers, ("generate", "pair", "left")),
        InnerKind(inner, integers.element, ("generate", "pair", "left", "array", "of")),
        InnerKind(outer.right, integers, ("generate", "pair", "right")),
    ]


def test_every_member_of_generate_has_a_name_of_its_own() -> None:
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES)


def test_a_gamma_stays_in_its_type_and_says_what_it_cannot_make() -> None:
    gamma = "type: smallint, generate: {{gamma: {{shape: {}, scale: {}}}}}"
    table = with_columns(*(f"name: c{i}, {gamma.format(2, s)}" for i, s in enumerate((3, 10_000))))
    assert [column.kind for column in table.columns] == [
        Gamma(2.0, 3.0, None, None),
        Gamma(2.0, 10_000.0, None, 32_767),
    ]
    path = "spec.tables[0].columns[0].generate.gamma"
    assert column_problems(f"name: c, {gamma.format(0.0001, 1)}") == [
        f"{path}.shape: 0.0001 is out of range; expected 0.001 to 1000000"
    ]
    assert column_problems(f"name: c, {gamma.format('1e7', 1)}") == [
        f"{path}.shape: 10000000 is out of range; expected 0.001 to 1000000"
    ]
    below = "name: c, type: real, generate: {gamma: {shape: 1, scale: 1, max: 0}}"
    beyond = "nearly all values lie from 0 to {}; use a wider range or another scale"
    assert column_problems(below) == [f"{path}.max: max is 0.0, but {beyond.format(17)}"]
    far = "name: c, type: real, generate: {gamma: {shape: 2, scale: 3, min: 1e30}}"
    assert column_problems(far) == [f"{path}.min: min is 1e+30, but {beyond.format(63.9411)}"]
