"""The members of `generate`, made from the entries of the kinds, and those of `pick`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import Field, create_model

from rowmill.spec import fields
from rowmill.spec.fields import Model, OneOf, Positive
from rowmill.spec.kind.entry import REQUIRED, Parameter, Parameters
from rowmill.spec.kinds import ENTRIES, KindEntry

Count = Annotated[int, Field(ge=0, le=10**12)]


def _one_of(name: str, says: str, base: type[OneOf], entries: Iterable[KindEntry]) -> type[OneOf]:
    """A model of which each entry is a member."""
    members: dict[str, Any] = {
        entry.key: (_value(entry.spec) | None, Field(None, description=entry.says))
        for entry in entries
    }
    return create_model(name, __base__=base, __doc__=says, __module__=__name__, **members)


def _value(spec: type[Parameters] | str) -> Any:
    """The model of a kind's parameters, or the type of the one value that it has."""
    if isinstance(spec, str):
        return getattr(fields, spec)
    known = {**vars(fields), "fields": fields, "ElementSpec": globals().get("ElementSpec")}
    members: dict[str, Any] = {}
    for name, hint in get_type_hints(spec, localns=known, include_extras=True).items():
        given = vars(spec)[name]
        assert isinstance(given, Parameter)
        default = ... if given.default is REQUIRED else given.default
        members[name] = (
            hint,
            Field(default, description=given.description, **given.limits),
        )
    name, says = spec.__name__, spec.__doc__
    return create_model(name, __base__=Model, __doc__=says, __module__=__name__, **members)


if TYPE_CHECKING:

    class ElementSpec(OneOf):
        """How the elements of an array are made: one member."""

    class GenerateSpec(ElementSpec):
        """How a column's cells are made: one member."""

else:
    ElementSpec = _one_of(
        "ElementSpec",
        "How the elements of an array are made: one member.",
        OneOf,
        (entry for entry in ENTRIES if entry.in_arrays),
    )
    GenerateSpec = _one_of(
        "GenerateSpec",
        "How a column's cells are made: one member.",
        ElementSpec,
        (entry for entry in ENTRIES if not entry.in_arrays),
    )


class UniformPickSpec(Model):
    """Any parent row, each as likely."""


class ZipfPickSpec(Model):
    """Few parents get most rows, by Zipf's law."""

    exponent: Positive = Field(description="How steeply the parents' shares fall.")


class OneToOnePickSpec(Model):
    """Each parent row at most once."""


class TreePickSpec(Model):
    """A tree of this table's own rows."""

    roots: int = Field(1, ge=1, le=10**12, description="Rows without a parent.")


class PickSpec(OneOf):
    """How a parent row is chosen: one member."""

    uniform: UniformPickSpec | None = Field(None, description="Each parent as likely.")
    zipf: ZipfPickSpec | None = Field(None, description="Few parents get most rows.")
    one_to_one: OneToOnePickSpec | None = Field(None, description="Each parent at most once.")
    tree: TreePickSpec | None = Field(None, description="A tree of this table's own rows.")
