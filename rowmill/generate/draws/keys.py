"""Keys: the 64-bit number that every draw of a column starts from."""

from __future__ import annotations

import struct
from hashlib import blake2b


def derive_key(seed: int, table: str, column: str, purpose: str, version: int) -> int:
    """The key, 0 to 2**64 - 1, of one purpose (`"value"`, `"null"`, ...) of one column.

    BLAKE2b over the fields, each text preceded by its length, so that no two different lists of
    fields are the same bytes. `seed` and `version` are signed 64-bit integers.
    """
    digest = blake2b(struct.pack("<qq", seed, version), digest_size=8, person=b"rowmill key")
    for text in (table, column, purpose):
        raw = text.encode()
        digest.update(struct.pack("<q", len(raw)))
        digest.update(raw)
    return int.from_bytes(digest.digest(), "little")
