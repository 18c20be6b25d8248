"""Write spec/faker/providers.json: which Faker providers a manifest may name, from Faker itself.

Run it after raising Faker's version in requirements.lock. A provider is kept if it can be called
without arguments, returns something that fits a cell, and does so by its seed alone: one that reads
the clock would make other rows tomorrow, one that goes through a set in the next process.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import faker
from faker.config import AVAILABLE_LOCALES

from rowmill.generate.pools.making import sort_sets

TARGET = Path(__file__).parent.parent / "rowmill" / "spec" / "faker" / "providers.json"
TRIES = 12
RETURNS = {str: "str", int: "int", bool: "bool", Decimal: "decimal", float: "float"}
CLOCK = {"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime"}
# They read the clock but their few values are drawn exhaustively and sorted.
EXHAUSTED = {"am_pm", "century", "day_of_month", "day_of_week", "month", "month_name"}
# Documents, helpers of other providers, or values of no fixed type.
LEFT_OUT = {
    "add_provider",
    "binary",
    "csv",
    "dsv",
    "fixed_width",
    "image",
    "json_bytes",
    "null_boolean",
    "passport_full",
    "psv",
    "random_choices",
    "random_digit_not_null_or_empty",
    "random_digit_or_empty",
    "random_element",
    "random_elements",
    "randomize_nb_elements",
    "seed",
    "seed_instance",
    "tar",
    "tsv",
    "uuid1",
    "uuid7",
    "xml",
    "zip",
}
LEFT_OUT_ARGUMENTS = {"raw_output", "cast_to", "cls", "args", "kwargs"}


def main() -> None:
    """Introspect every locale and write the file."""
    warnings.simplefilter("ignore")
    # Some providers log a disclaimer at each call, and logging reads the clock.
    logging.disable()
    found: dict[str, dict[str, Any]] = {}
    locales = sorted(locale for locale in AVAILABLE_LOCALES if "_" in locale)
    if sys.argv[1:] == ["--values"]:
        print(json.dumps(values_of(locales)))
        return
    unsteady = differing(locales)
    for locale in locales:
        for name, method in methods(locale):
            if (locale, name) in unsteady:
                continue
            entry = describe(name, method)
            if entry is None:
                continue
            known = found.setdefault(name, {**entry, "locales": []})
            known["locales"].append(locale)
            known["arguments"].update(entry["arguments"])
    for entry in found.values():
        missing = [locale for locale in locales if locale not in entry["locales"]]
        if len(missing) < len(entry["locales"]):
            del entry["locales"]
            if missing:
                entry["missing"] = " ".join(missing)
        else:
            entry["locales"] = " ".join(entry["locales"])
    head = json.dumps({"faker": faker.VERSION, "locales": " ".join(locales)}, indent=1)[:-2]
    lines = [f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
    providers = ",\n".join(lines)
    TARGET.write_text(f'{head},\n "providers": {{\n{providers}\n }}\n}}\n')


def differing(locales: list[str]) -> set[tuple[str, str]]:
    """The (locale, provider) that give other values in another process, though seeded alike."""
    one, other = (
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--values"],
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
        )
        for seed in ("1", "2")
    )
    return {
        (locale, name)
        for locale in locales
        for name, values in one[locale].items()
        if other[locale][name] != values
    }


def values_of(locales: list[str]) -> dict[str, dict[str, str]]:
    """By locale and provider the first values, as text."""
    return {
        locale: {name: str(first_values(method)) for name, method in methods(locale)}
        for locale in locales
    }


def first_values(method: Callable[..., Any]) -> list[Any] | None:
    """What a provider gives first; None if it fails."""
    try:
        return [str(method()) for _ in range(TRIES)]
    except Exception:  # noqa: BLE001 - whatever a provider raises without arguments, it is out
        return None


def methods(locale: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public callable of a locale's providers."""
    generator = faker.Faker(locale)
    sort_sets(generator)
    names = {n for p in generator.get_providers() for n in dir(p) if not n.startswith("_")}
    for name in sorted(names - LEFT_OUT):
        generator.seed_instance(1)
        method = getattr(generator, name, None)
        if callable(method):
            yield name, method


def describe(name: str, method: Callable[..., Any]) -> dict[str, Any] | None:
    """What a provider returns and takes; None if it makes no cells."""
    try:
        with clock_watched() as reads:
            values = [method() for _ in range(TRIES)]
    except Exception:  # noqa: BLE001 - whatever a provider raises without arguments, it is out
        return None
    types = {type(v) for v in values}
    if len(types) != 1 or (reads and name not in EXHAUSTED):
        return None
    returned = types.pop()
    if returned not in RETURNS:
        return None
    return {"returns": RETURNS[returned], "arguments": arguments(method)}


@contextlib.contextmanager
def clock_watched() -> Iterator[list[str]]:
    """A list that fills with the clock functions called meanwhile."""
    reads: list[str] = []

    def watch(_frame: object, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in CLOCK:
            owner = getattr(called, "__self__", None)
            if owner is not None and getattr(owner, "__name__", "") in {"datetime", "date", "time"}:
                reads.append(called.__name__)

    sys.setprofile(watch)
    try:
        yield reads
    finally:
        sys.setprofile(None)


def arguments(method: Callable[..., Any]) -> dict[str, str]:
    """The arguments that an integer or a string can be given to: name -> "int" or "str"."""
    accepted = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name in LEFT_OUT_ARGUMENTS:
            continue
        words = set(re.findall(r"\w+", str(parameter.annotation)))
        if words & {"int", "float", "bool"} and not words & {"datetime", "Sequence", "Tuple"}:
            accepted[parameter.name] = "int"
        elif "str" in words and not words & {"List", "Sequence", "Tuple", "Collection", "datetime"}:
            accepted[parameter.name] = "str"
    return accepted


if __name__ == "__main__":
    main()
