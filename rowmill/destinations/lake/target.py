"""Whether a bucket and prefix can be written to: there, usable, and without objects of others."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.claim import in_use
from rowmill.destinations.lake.object_names import owner_in, records_folder, table_folder
from rowmill.destinations.s3.bucket import Bucket, Listed
from rowmill.destinations.s3.errors import no_conditions

# Heads at once, of objects that no record names.
PARALLEL = 16
_NAMED = 3


def ensure_bucket(bucket: Bucket, *, make: bool) -> None:
    """See that the bucket is there; the embedded engine makes it.

    Raises:
        DestinationRefused: there is none (BucketMissing), or it may not be listed.
        DestinationUnavailable: nothing answers there.
    """
    if bucket.exists():
        return
    if not make:
        raise bucket.missing()
    bucket.create()


def probe(bucket: Bucket, prefix: str) -> None:
    """Write, list and delete an object of our own there, and see that conditions are honoured.

    Raises:
        DestinationRefused: a right is missing, the server has no conditional PUTs, or it keeps the
            prefix under another name, so that a listing would not find what we wrote.
    """
    key = f"{records_folder(prefix)}probe-{uuid.uuid4().hex}"
    etag = bucket.put_if(key, b"1", None)
    try:
        if (
            etag is None
            or bucket.put_if(key, b"2", None) is not None
            or bucket.put_if(key, b"3", f'"{"0" * 32}"') is not None
        ):
            raise no_conditions(bucket.where)
        if all(found.key != key for found in bucket.list(key)):
            raise DestinationRefused(
                "PrefixUnusable",
                f"{bucket.where} does not keep the prefix {prefix!r} as it is written (a slash at "
                "its start, or two together?); choose another spec.destinations.parquet.prefix",
            )
        # For the right to list them, without which nothing could ever be cleaned up.
        next(bucket.uploads(key), None)
    finally:
        bucket.delete(key)


@dataclass(frozen=True)
class Occupant:
    """An object in a table's folder; `owner` is who its metadata names, None if nobody."""

    key: str
    owner: str | None


def occupants(
    bucket: Bucket, prefix: str, tables: Iterable[str], known: Collection[str]
) -> Iterator[Occupant]:
    """What is in the tables' folders beside the `known` keys, with the owner each object names."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        for table in tables:
            unknown = [
                found
                for found in bucket.list(table_folder(prefix, table))
                if found.key not in known and not _is_folder_mark(found)
            ]
            seen = pool.map(lambda found: _occupant(bucket, found), unknown)
            yield from (occupant for occupant in seen if occupant is not None)


def refuse_foreign(
    bucket: Bucket,
    prefix: str,
    found: Iterable[Occupant],
    owners: Collection[str],
    *,
    replace: bool,
) -> None:
    """Refuse objects that are not this experiment's; `replace` gives leave for those of nobody.

    Raises:
        DestinationRefused: TargetInUse for another experiment's, TableExists for nobody's.
    """
    strange: list[str] = []
    for occupant in found:
        if occupant.owner is not None and occupant.owner not in owners:
            raise in_use(bucket.url(occupant.key), occupant.owner)
        if occupant.owner is None:
            strange.append(occupant.key)
    if strange and not replace:
        named = ", ".join(bucket.url(key) for key in strange[:_NAMED])
        more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
        raise DestinationRefused(
            "TableExists",
            f"there are objects that are not this experiment's where its tables go: {named}{more}; "
            "move them away, choose another spec.destinations.parquet.prefix, or give leave to "
            "delete them with ifExists: replace",
        )


def _occupant(bucket: Bucket, found: Listed) -> Occupant | None:
    head = bucket.head(found.key)
    return None if head is None else Occupant(found.key, owner_in(head.metadata))


def _is_folder_mark(found: Listed) -> bool:
    return found.key.endswith("/") and found.size == 0
