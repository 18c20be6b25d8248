"""How rules of inference are applied: a column's name counts first, and else its type.

A name counts in lower-case words joined by `_` (`HomePhone` is `home_phone`), and its last words
decide: `billing_city` is a `city`. All of this decides data, so it may only change beside what is
here, for the rules of an open data version; the goldens of inference hold it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from rowmill.spec.bounds import type_limits
from rowmill.spec.drafts import ColumnDraft
from rowmill.spec.faker.providers import find_provider
from rowmill.spec.manifest.generators import GenerateSpec
from rowmill.spec.patterns.automaton import count_strings, max_length
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName

# A generator as a manifest would write it.
Written = Mapping[str, Any]

_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Inferred:
    """The generator of a column that names none; `reason` is a phrase: by its name, `sku`."""

    generate: GenerateSpec
    reason: str


@dataclass(frozen=True)
class Rule:
    """Columns whose names end in `names`, of one of `types`, get `generate`.

    Text needs room for `length` characters. A unique column gets the first of `unique` that fits
    its type and has a value for each row, if there is one, and else what its type gets. `whole`:
    a name counts only if nothing stands before it.
    """

    names: str
    types: frozenset[TypeName]
    generate: Written
    length: int = 0
    unique: tuple[Written, ...] = ()
    whole: bool = False

    def of_unique(self, kind: ColumnType, rows: int) -> Written | None:
        """What fills a unique column of a table of so many rows; None: not this rule."""
        return next((each for each in self.unique if _has_room(each, kind, rows)), None)


@dataclass(frozen=True)
class Rules:
    """All rules of a version: by name in order, and by type.

    `by_type` is asked with the type, whether the column is unique and how many rows there are.
    `person_names` are what the fields of a person are commonly named, whatever their provider is.
    A data version that has these rules may have its own providers, so it is asked for.
    """

    by_name: tuple[Rule, ...]
    by_type: Callable[[ColumnType, bool, int], Written]
    person_names: frozenset[str]

    def infer(self, column: ColumnDraft, locale: str, data_version: int) -> Inferred:
        """The generator of a column that names none."""
        kind, rows = column.type, column.table.rows or 0
        unique = column.wants_unique is not None
        if kind.array:
            of = self.by_type(kind.element, False, rows)
            return _inferred({"array": {"of": of}}, f"by its type, {kind}")
        for words, rule in self._suiting(column.name, kind, locale, data_version):
            wanted = rule.of_unique(kind, rows) if unique else rule.generate
            if wanted is not None:
                return _inferred(wanted, f"by its name, `{words}`")
        return _inferred(self.by_type(kind, unique, rows), f"by its type, {kind}")

    def is_passed_over(
        self, name: str, kind: ColumnType, locale: str, rows: int, data_version: int
    ) -> bool:
        """Whether a unique column of this name gets what its type gets, and would not otherwise."""
        # Addresses are addresses by their type too.
        if kind.array or kind.name is TypeName.INET:
            return False
        rules = [rule for _, rule in self._suiting(name, kind, locale, data_version)]
        return bool(rules) and all(rule.of_unique(kind, rows) is None for rule in rules)

    def default_entity(self, name: str, person: bool) -> str:
        """Whose field a Faker column is; see `rowmill.spec.inference`."""
        if person:
            for words in _endings(name):
                if words in self.person_names:
                    return words_of(name).removesuffix(words).rstrip("_")
        return words_of(name) or name

    def _suiting(
        self, name: str, kind: ColumnType, locale: str, data_version: int
    ) -> Iterator[tuple[str, Rule]]:
        """The rules for a name that can fill the type, the longest ending's first, with it."""
        whole = words_of(name)
        for words in _endings(name):
            for rule in self._by_ending.get(words, ()):
                if rule.whole and words != whole:
                    continue
                if _suits(rule, kind, locale, data_version):
                    yield words, rule

    @cached_property
    def _by_ending(self) -> dict[str, list[Rule]]:
        rules: dict[str, list[Rule]] = {}
        for rule in self.by_name:
            for name in rule.names.split():
                rules.setdefault(name, []).append(rule)
        return rules


def words_of(name: str) -> str:
    """The name in lower-case words joined by `_`."""
    return _BORDER.sub("_", name).strip("_").lower()


def _endings(name: str) -> list[str]:
    """The last words of a name, the longest ending first: a_b_c, b_c, c."""
    words = words_of(name).split("_")
    # No rule's name is longer than three words.
    return ["_".join(words[i:]) for i in range(max(0, len(words) - 3), len(words))]


def _suits(rule: Rule, kind: ColumnType, locale: str, data_version: int) -> bool:
    if kind.name not in rule.types or (kind.length or rule.length) < rule.length:
        return False
    if "faker" in rule.generate:
        return _has_provider(rule.generate["faker"]["provider"], locale, data_version)
    number = rule.generate.get("number")
    if number is None:
        return True
    low, high = type_limits(kind)
    return bool(low <= number["min"] and number["max"] <= high)


def _has_room(written: Written, kind: ColumnType, rows: int) -> bool:
    """Whether the type takes all values of a generator, and there is one for each row."""
    pattern = written.get("pattern")
    if pattern is None:
        return True
    fits = kind.length is None or max_length(pattern) <= kind.length
    return kind.name in STRINGS and fits and count_strings(pattern) >= rows


def _inferred(written: Written, reason: str) -> Inferred:
    return Inferred(_generate(_Key(written)), reason)


class _Key:
    """A generator as written, comparable by its text, so that each is validated once."""

    def __init__(self, generate: Written) -> None:
        self.generate = generate
        self._text = repr(generate)

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._text == self._text


@lru_cache(maxsize=1024)
def _generate(key: _Key) -> GenerateSpec:
    return GenerateSpec.model_validate(key.generate)


@lru_cache(maxsize=1024)
def _has_provider(name: str, locale: str, data_version: int) -> bool:
    try:
        find_provider(name, locale, data_version)
    except ValueError:
        return False
    return True
