"""Names in the bucket: keys of parts and records, and the metadata that says whose they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from rowmill.version import VERSION

OWNER = "rowmill-owner"
RUN = "rowmill-run"
DIGEST = "rowmill-digest"
RELEASE = "rowmill-version"

_PART = re.compile(r"part-(?P<number>[0-9]{5,})-(?P<run>[^/]+)\.parquet")


def part_key(prefix: str, table: str, number: int, run_id: str) -> str:
    """The key of a part: `PREFIX/TABLE/part-NNNNN-ID.parquet`."""
    return f"{table_folder(prefix, table)}part-{number:05d}-{run_id}.parquet"


def table_folder(prefix: str, table: str) -> str:
    """`PREFIX/TABLE/`, the table's segment percent-encoded (RFC 3986, upper-case hex)."""
    return f"{prefix}{_segment(table)}/"


def run_of(key: str) -> str | None:
    """The run that a part's key names, or None if it is no part's."""
    match = _PART.fullmatch(key.rpartition("/")[2])
    return match["run"] if match else None


def records_folder(prefix: str) -> str:
    """Where current.json, the run records and the bucket ledger are."""
    return f"{prefix}_rowmill/"


def current_key(prefix: str) -> str:
    """The one object that says which run readers are to see."""
    return f"{records_folder(prefix)}current.json"


def owner_key(prefix: str) -> str:
    """The claim on the prefix."""
    return f"{records_folder(prefix)}owner.json"


def record_key(prefix: str, run_id: str) -> str:
    """The record of a published run."""
    return f"{records_folder(prefix)}run-{run_id}.json"


def run_of_record(prefix: str, key: str) -> str | None:
    """The run that a record's key names, or None if it is no record's."""
    name = key.removeprefix(f"{records_folder(prefix)}run-")
    if name == key or "/" in name or not name.endswith(".json"):
        return None
    return name.removesuffix(".json")


def tags(owner: str, run_id: str, digest: str) -> dict[str, str]:
    """An object's metadata: all that its bytes do not say, since they depend on the data alone.

    Percent-encoded, because a header is ASCII. `digest` is the spec digest of the run.
    """
    return {OWNER: quote(owner, safe="/@:"), RUN: run_id, DIGEST: digest, RELEASE: VERSION}


def owner_in(metadata: Mapping[str, str]) -> str | None:
    """The owner that an object's metadata names, or None."""
    found = metadata.get(OWNER)
    return None if found is None else unquote(found)


def _segment(name: str) -> str:
    encoded = quote(name, safe="")
    # "." and ".." are unreserved characters, yet some servers take them for folders.
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")
