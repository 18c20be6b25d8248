"""Arrow record batches as the stream of a binary COPY, exact for every type of the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pgpq
import pyarrow as pa
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb

from rowmill.destinations.postgres.copy.wire_images import ARRAYS, SCALARS, wire_images
from rowmill.spec.dataset import Table
from rowmill.spec.values.types import ColumnType, TypeName

_Builder = Callable[[pa.Field], Any]
_infer: _Builder = pgpq.ArrowToPostgresBinaryEncoder.infer_encoder


class CopyEncoder:
    """Encodes the rows of one table for `COPY ... FROM STDIN (FORMAT binary)`.

    It keeps no state between calls, so several threads may share one.
    """

    def __init__(self, table: Table) -> None:
        self._types = [column.type for column in table.columns]

    def encode(self, batches: Iterable[pa.RecordBatch]) -> list[bytes]:
        """A whole COPY stream, header and trailer included, of the rows of `batches` in order.

        Columns are the table's, in its order; they may be dictionary arrays.
        """
        encoder: pgpq.ArrowToPostgresBinaryEncoder | None = None
        pieces: list[bytes] = []
        for batch in batches:
            columns = [
                _encodable(column, kind)
                for column, kind in zip(batch.columns, self._types, strict=True)
            ]
            # Numbered names: pgpq finds a column's encoder by its name.
            names = [str(number) for number in range(len(columns))]
            encodable = pa.RecordBatch.from_arrays(columns, names)
            if encoder is None:
                encoder = self._encoder(encodable.schema)
                pieces.append(encoder.write_header())
            pieces.append(encoder.write_batch(encodable))
        return [*pieces, encoder.finish()] if encoder is not None else [_EMPTY_STREAM]

    def _encoder(self, schema: pa.Schema) -> pgpq.ArrowToPostgresBinaryEncoder:
        encoders = {
            field.name: _builder(kind)(field)
            for field, kind in zip(schema, self._types, strict=True)
        }
        return pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(schema, encoders)


# Signature, flags, length of the header's extension, and the trailer: no rows.
_EMPTY_STREAM = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


def _encodable(column: pa.Array, kind: ColumnType) -> pa.Array:
    """The column as pgpq takes it: decoded, and as wire images where it knows no better."""
    if isinstance(column, pa.DictionaryArray):
        if _needs_image(kind):
            # The images of the distinct values are made once, then picked.
            return wire_images(column.dictionary, kind).take(column.indices)
        return column.dictionary_decode()
    return wire_images(column, kind) if _needs_image(kind) else column


def _needs_image(kind: ColumnType) -> bool:
    return kind.name in (ARRAYS if kind.array else SCALARS)


def _builder(kind: ColumnType) -> _Builder:
    if kind.name is TypeName.JSONB and not kind.array:
        return lambda field: StringEncoderBuilder.new_with_output(field, Jsonb())
    return _infer
