"""UUIDs and times read back from the text that a portable Parquet file keeps of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rowmill.generate.text.to_text import uuid_texts

_CHARACTERS = 36
_NIL = "00000000-0000-0000-0000-000000000000"
_DASHES = (8, 13, 18, 23)
_TIME = r"\A([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{0,5}[1-9])?\z"
_ANY_DAY = "1970-01-01 "
# The value of a hexadecimal digit; of other characters 0, which then print as something else.
_DIGITS = np.zeros(256, dtype=np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGITS[_digit] = _value


def read_uuids(texts: pa.StringArray) -> pa.Array:
    """16 bytes each of UUIDs that are written as Postgres prints them; nulls stay.

    Raises:
        pa.ArrowInvalid: a text is no UUID, or written in another way.
    """
    filled = texts.fill_null(_NIL)
    _refuse(texts, pc.not_equal(pc.binary_length(filled), _CHARACTERS), "uuid")
    if not len(filled):
        return pa.array([], pa.binary(16))
    first = np.frombuffer(filled.buffers()[1], dtype=np.int32)[filled.offset]
    data = np.frombuffer(filled.buffers()[2], dtype=np.uint8)[first:]
    characters = data[: _CHARACTERS * len(filled)].reshape(len(filled), _CHARACTERS)
    digits = _DIGITS[np.delete(characters, _DASHES, axis=1)]
    raw = np.ascontiguousarray((digits[:, 0::2] << 4) | digits[:, 1::2])
    # What is read is right if, and only if, it prints as that very text.
    _refuse(texts, pc.not_equal(uuid_texts(raw), filled), "uuid")
    cells = pa.Array.from_buffers(pa.binary(16), len(filled), [None, pa.py_buffer(raw)])
    return pc.if_else(texts.is_valid(), cells, None) if texts.null_count else cells


def read_times(texts: pa.StringArray) -> pa.Array:
    """Times of day in microseconds, of texts as Postgres prints them; nulls stay.

    Raises:
        pa.ArrowInvalid: a text is no time, or written in another way.
    """
    _refuse(texts, pc.invert(pc.match_substring_regex(texts, _TIME)), "time")
    moments = pc.binary_join_element_wise(_ANY_DAY, texts, "").cast(pa.timestamp("us"))
    return moments.cast(pa.time64("us"))


def _refuse(texts: pa.Array, wrong: pa.Array, name: str) -> None:
    place = pc.index(wrong, True).as_py()
    if place >= 0:
        raise pa.ArrowInvalid(f"{texts[place].as_py()!r} is no {name} as Postgres prints it")
