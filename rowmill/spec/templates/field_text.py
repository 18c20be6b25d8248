"""Fields of a template: what a filter makes of another column's text, characters and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase, digits

from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, Source
from rowmill.spec.paths import shown
from rowmill.spec.patterns.character_sets import CharacterSet
from rowmill.spec.shapes.content import WIDEST, Content
from rowmill.spec.shapes.size import Size
from rowmill.spec.shapes.text import Text
from rowmill.spec.templates.placeholders import Field
from rowmill.spec.values.types import STRINGS

# So many characters a change of case makes of one at most, and a slug, which spells out others.
_WIDEST_CASE, _WIDEST_SLUG = 3, 6
_SLUG = CharacterSet.of(ascii_lowercase + digits + "-")


def field_text(field: Field, known: KnownTexts) -> Text:
    """The text of one field, its filter applied."""
    text = known.text(Source(field.column))
    if field.filter is None:
        return text
    if field.filter == "pad":
        most = None if text.most is None else max(text.most, field.argument or 0)
        return Text(most, text.characters | CharacterSet.of("0"), text.known)
    wider = _WIDEST_SLUG if field.filter == "slug" else _WIDEST_CASE
    most = text.most if text.most is None or text.ascii else text.most * wider
    if field.filter == "slug":
        # Of nothing it makes one letter.
        most = None if most is None else max(most, 1)
        return Text(most, _SLUG, text.known)
    return Text(most, text.characters.after_case_change(), text.known)


def growth(field: Field, known: KnownTexts) -> str | None:
    """What is said of a field that has no limit, or that its filter makes longer."""
    text, most = known.text(Source(field.column)), field_text(field, known).most
    if text.most is None:
        return f"{shown(field.column)} has no limit"
    if field.filter == "slug" and not text.ascii:
        return (
            f"slug may spell a letter of {shown(field.column)} by up to {_WIDEST_SLUG} "
            f"characters: {text.most} become {most}"
        )
    if field.filter in ("upper", "lower", "title") and not text.ascii:
        return (
            f"{field.filter} may make up to {_WIDEST_CASE} characters of a letter of "
            f"{shown(field.column)}: {text.most} become {most}"
        )
    return None


def cut_stretch(fields: Sequence[tuple[Field, int | None]], room: int) -> int | None:
    """The most characters of fields whose slugs are cut until all fit the room."""
    slugs = [most for field, most in fields if field.filter == "slug"]
    others = [most for field, most in fields if field.filter != "slug"]
    kept = [most for most in others if most is not None]
    if len(kept) < len(others):
        return None
    most = max(room, sum(kept) + len(slugs))
    whole = [size for size in slugs if size is not None]
    return min(most, sum(kept) + sum(whole)) if len(whole) == len(slugs) else most


def field_content(field: Field, known: KnownContents) -> Content:
    """The bytes of one field, its filter applied."""
    source, text = Source(field.column), field_text(field, known)
    characters = text.most if text.ascii or text.most is None else text.most * WIDEST
    beyond = 0 if text.most is None or characters is None else characters - text.most
    if known.type(source).name not in STRINGS:
        return Content(max(1, field.argument or 0), characters)
    made = known.content(source)
    if field.filter is None:
        return made
    if field.filter == "pad":
        return Content(max(made.least, field.argument or 0), characters, beyond=beyond)
    # A change of case may shorten a character.
    return Content(made.least // WIDEST, characters, beyond=beyond)


def field_size(field: Field, known: KnownSizes) -> Size | None:
    """The room of one field, its filter applied; None at the end of too long a chain."""
    source = Source(field.column)
    made = known.size(source)
    if made is None:
        return None
    if known.is_fixed(source):
        made = Size(1, made.likely)
    if field.filter == "pad":
        padded = field.argument or 0
        return Size(max(made.least, padded), max(made.likely, padded), made.kept, made.drawn)
    return made if field.filter is None else Size(made.least // WIDEST, made.likely)
