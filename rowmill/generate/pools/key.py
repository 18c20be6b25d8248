"""What defines a pool: the key under which it is shipped, made and kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa

# The pool of whole persons, row by row coherent, that all of PERSON_FIELDS draw from.
PERSON = "person"
# The fields of a person as stored, from which PERSON_FIELDS follow.
PERSON_TYPE = pa.struct(
    [
        (field, pa.string())
        for field in (
            "name",
            "first_name",
            "last_name",
            "prefix",
            "gender",
            "user_name",
            "safe_domain",
            "free_domain",
            "company_domain",
        )
    ]
)


@dataclass(frozen=True)
class PoolKey:
    """What defines a pool: `size` values at most, each of at most `max_length` characters."""

    provider: str
    args: tuple[tuple[str, int | str], ...]
    locale: str
    size: int
    max_length: int | None
    version: int

    @property
    def digest(self) -> str:
        """A stable name: the SHA-256, in hexadecimal, of the key's canonical JSON."""
        fields = [
            self.provider,
            [list(argument) for argument in self.args],
            self.locale,
            self.size,
            self.max_length,
            self.version,
        ]
        return sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
