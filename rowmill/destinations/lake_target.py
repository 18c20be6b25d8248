"""Whether a bucket and prefix can be this experiment's: there, writable, and nobody else's."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rowmill.destinations.bucket import Bucket, Listed, no_conditions
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake_records import Claim, dump, read_claim
from rowmill.destinations.object_names import (
    owner_in,
    owner_key,
    records_folder,
    table_folder,
)
from rowmill.spec.cluster_names import ADOPT

# Heads at once, of objects that no record names.
PARALLEL = 16
_CLAIM_TRIES = 20
_NAMED = 3


def ensure_bucket(bucket: Bucket, *, make: bool) -> None:
    """See that the bucket is there; the embedded engine makes it.

    Raises:
        DestinationRefused: there is none (BucketMissing), or it may not be listed.
        DestinationUnavailable: nothing answers there.
    """
    if bucket_found(bucket):
        return
    if not make:
        raise bucket.missing()
    bucket.create()


def bucket_found(bucket: Bucket) -> bool:
    """Whether the bucket is there, asked with a first contact's patience."""
    return bucket.first_contact().exists()


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


def claim(bucket: Bucket, prefix: str, owner: str, adopt: str | None) -> Claim:
    """Take the prefix for `owner`, or see that it is his already.

    Raises:
        DestinationRefused: TargetInUse, it is another's and `adopt` does not name him.
    """
    key = owner_key(prefix)
    for _ in range(_CLAIM_TRIES):
        stored = bucket.read(key)
        if stored is None:
            wanted = Claim(owner, (adopt,) if adopt and adopt != owner else ())
            if bucket.put_if(key, dump(wanted), None) is not None:
                return wanted
            continue
        found = read_claim(stored.body, bucket.url(key))
        if found.owner not in (owner, adopt):
            raise in_use(bucket.url(prefix), found.owner)
        wanted = found.by(owner, adopt)
        if wanted == found or bucket.put_if(key, dump(wanted), stored.etag) is not None:
            return wanted
    raise DestinationRefused("TargetInUse", f"others keep claiming {bucket.url(prefix)}; try again")


def held_claim(bucket: Bucket, prefix: str) -> Claim | None:
    """Whose the prefix is, or None if nobody claimed it."""
    key = owner_key(prefix)
    stored = bucket.read(key)
    return None if stored is None else read_claim(stored.body, bucket.url(key))


def release(bucket: Bucket, prefix: str, owner: str) -> None:
    """Give the prefix up, if it is this owner's."""
    found = held_claim(bucket, prefix)
    if found is not None and found.owner == owner:
        bucket.delete(owner_key(prefix))


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


def in_use(url: str, owner: str) -> DestinationRefused:
    """The refusal of what is another experiment's, with the line that takes it over."""
    return DestinationRefused(
        "TargetInUse",
        f"{url} belongs to the experiment {owner!r}; choose another "
        f"spec.destinations.parquet.prefix, or take it over with --adopt {shlex.quote(owner)} "
        f"(on a cluster: the annotation {ADOPT}: {owner})",
    )


def _occupant(bucket: Bucket, found: Listed) -> Occupant | None:
    head = bucket.head(found.key)
    return None if head is None else Occupant(found.key, owner_in(head.metadata))


def _is_folder_mark(found: Listed) -> bool:
    return found.key.endswith("/") and found.size == 0
