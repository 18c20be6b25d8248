"""Read `faker` of a column: its provider, whether that fits the type, its locale and arguments."""

from __future__ import annotations

from rowmill.spec.faker.providers import Provider, check_arguments, find_provider, locales
from rowmill.spec.inference import default_entity
from rowmill.spec.kind import Faker, Kind
from rowmill.spec.kinds.reading import Reading
from rowmill.spec.manifest.generators import FakerSpec
from rowmill.spec.paths import shown
from rowmill.spec.report import nearest
from rowmill.spec.values.types import INTEGERS, STRINGS, ColumnType, TypeName


def read_faker(spec: FakerSpec, reading: Reading) -> Kind | None:
    """The kind; None after a problem was reported, or where the locale is not known."""
    locale = _locale(spec, reading)
    args = tuple(sorted((spec.args or {}).items()))
    try:
        provider = find_provider(spec.provider, locale, reading.data_version)
    except ValueError as error:
        reading.report.attempt((*reading.path, "provider"), error)
        return None
    fits = _provides(provider, reading.type)
    if not fits:
        reading.report.add(
            (*reading.path, "provider"),
            f"{shown(provider.name)} makes {provider.returns}, not {reading.type}; "
            "use another provider, or a column of text",
        )
    try:
        check_arguments(provider, args)
    except ValueError as error:
        reading.report.attempt((*reading.path, "args"), error)
        return None
    if locale is None or not fits:
        return None
    entity = spec.entity
    if entity is None:
        entity = default_entity(reading.column.name, provider.person, reading.data_version)
    return Faker(spec.provider, args, locale, spec.pool, entity)


def _locale(spec: FakerSpec, reading: Reading) -> str | None:
    """The locale of a Faker column; None if it is not known, or after a problem."""
    path = (*reading.path, "locale")
    if reading.report.doubts.about(path):
        return None
    # A wrong default is told once, where it stands.
    locale = spec.locale or reading.locale
    known = locales(reading.data_version)
    if locale is None or locale in known:
        return locale
    reading.report.add(
        path, f"{shown(locale)} is no known locale; {nearest(locale, sorted(known))}"
    )
    return None


def _provides(provider: Provider, column_type: ColumnType) -> bool:
    """Whether a provider's values are of the type; a pool leaves out those that don't fit it."""
    if column_type.name in STRINGS:
        return True
    if column_type.name is TypeName.INET:
        return provider.name.startswith("ipv")
    if column_type.name is TypeName.BOOLEAN:
        return provider.returns == "bool"
    exact = column_type.name in INTEGERS
    return provider.returns == "int" or (provider.returns in ("float", "decimal") and not exact)
