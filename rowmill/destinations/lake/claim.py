"""The claim on a prefix, `owner.json`: taken between two looks, kept, given up."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rowmill.destinations.errors import (
    ClaimLeft,
    DestinationRefused,
    DestinationUnavailable,
)
from rowmill.destinations.lake.object_names import owner_key
from rowmill.destinations.lake.records import Claim, dump, read_claim
from rowmill.destinations.s3.bucket import Bucket
from rowmill.spec.cluster_names import ADOPT

_TRIES = 20

# Refuses what others have under the prefix, told whose objects would be the claimant's.
Look = Callable[[frozenset[str]], None]


@dataclass(frozen=True)
class Held:
    """The claim as it is stored now."""

    claim: Claim
    etag: str


def held(bucket: Bucket, prefix: str) -> Held | None:
    """Whose the prefix is, or None if nobody claimed it."""
    key = owner_key(prefix)
    stored = bucket.read(key)
    return None if stored is None else Held(read_claim(stored.body, bucket.url(key)), stored.etag)


def take(
    bucket: Bucket,
    prefix: str,
    owner: str,
    adopt: str | None,
    look: Look,
    *,
    rightful: Callable[[], str | None],
) -> None:
    """Claim the prefix for `owner`: look at what is there, claim, look again.

    The second look is at what came between; who is refused by it, or loses the server before it,
    puts back what was there before.

    Args:
        adopt: another owner whose prefix may be taken over.
        rightful: asked, where there is no claim, for an owner whose claim must have been lost.

    Raises:
        DestinationRefused: TargetInUse, it is another's and `adopt` does not name him; what `look`
            raises.
        ClaimLeft: the server was lost before the claim could be put back.
    """
    for _ in range(_TRIES):
        before = held(bucket, prefix)
        _refuse_other(bucket, prefix, before.claim.owner if before else rightful(), owner, adopt)
        wanted = _wanted(before, owner, adopt)
        look(wanted.owners)
        if before is not None and before.claim == wanted:
            return
        if _claim(bucket, prefix, wanted, before, look):
            return
    raise _contended(bucket, prefix)


def keep(
    bucket: Bucket,
    prefix: str,
    owner: str,
    adopt: str | None,
    *,
    rightful: Callable[[], str | None],
) -> Claim:
    """The owner's claim, written again if it was lost with its store.

    Args:
        adopt: another owner from whom the prefix may be taken over.
        rightful: as for `take`.

    Raises:
        DestinationRefused: TargetInUse, another has the prefix now and `adopt` does not name him.
    """
    for _ in range(_TRIES):
        before = held(bucket, prefix)
        if before is not None and before.claim.owner == owner:
            return before.claim
        _refuse_other(bucket, prefix, before.claim.owner if before else rightful(), owner, adopt)
        wanted = _wanted(before, owner, adopt)
        if _write(bucket, prefix, wanted, before) is not None:
            return wanted
    raise _contended(bucket, prefix)


def release(bucket: Bucket, prefix: str, owner: str) -> None:
    """Give the prefix up, if it is this owner's."""
    found = held(bucket, prefix)
    if found is not None and found.claim.owner == owner:
        bucket.delete(owner_key(prefix), found.etag)


def hand_back(bucket: Bucket, prefix: str, found: Held, to: Collection[str]) -> None:
    """Give up the claim that was `found`: to the last adopted owner among `to`, else to nobody."""
    _replace(bucket, prefix, found.etag, found.claim.handed_back(to))


def in_use(url: str, owner: str) -> DestinationRefused:
    """The refusal of what is another experiment's, with the line that takes it over."""
    return DestinationRefused(
        "TargetInUse",
        f"{url} belongs to the experiment {owner!r}; choose another "
        f"spec.destinations.parquet.prefix, or take it over with --adopt {shlex.quote(owner)} "
        f"(on a cluster: the annotation {ADOPT}: {owner})",
    )


def _refuse_other(
    bucket: Bucket, prefix: str, other: str | None, owner: str, adopt: str | None
) -> None:
    if other is not None and other not in (owner, adopt):
        raise in_use(bucket.url(prefix), other)


def _wanted(before: Held | None, owner: str, adopt: str | None) -> Claim:
    if before is not None:
        return before.claim.by(owner, adopt)
    return Claim(owner, (adopt,) if adopt and adopt != owner else ())


def _claim(bucket: Bucket, prefix: str, wanted: Claim, before: Held | None, look: Look) -> bool:
    """Write the claim and look again; False if somebody else was faster."""
    try:
        if _write(bucket, prefix, wanted, before) is None:
            return False
        look(wanted.owners)
    except (DestinationRefused, DestinationUnavailable) as error:
        _put_back(bucket, prefix, wanted, before, error)
        raise
    return True


def _write(bucket: Bucket, prefix: str, claim: Claim, before: Held | None) -> str | None:
    """The new claim's ETag; None if somebody else was faster."""
    return bucket.put_if(owner_key(prefix), dump(claim), before.etag if before else None)


def _put_back(
    bucket: Bucket, prefix: str, ours: Claim, before: Held | None, error: Exception
) -> None:
    """Undo the claim `ours` if it was written, which an answer that was lost does not tell."""
    # It was tried for long enough, where that is what failed.
    server = bucket.hurried(0) if isinstance(error, DestinationUnavailable) else bucket
    try:
        found = held(server, prefix)
        if found is not None and found.claim == ours:
            _replace(server, prefix, found.etag, before.claim if before else None)
    except (DestinationRefused, DestinationUnavailable):
        raise ClaimLeft(
            f"{error}. {bucket.url(prefix)} may be claimed by {ours.owner} since this try, and "
            "could not be taken back: its next run goes on from there, and a purge gives it up"
        ) from None


def _replace(bucket: Bucket, prefix: str, etag: str, claim: Claim | None) -> None:
    """Write another claim instead of the one with `etag`, None for nobody's."""
    if claim is None:
        bucket.delete(owner_key(prefix), etag)
    else:
        bucket.put_if(owner_key(prefix), dump(claim), etag)


def _contended(bucket: Bucket, prefix: str) -> DestinationRefused:
    return DestinationRefused(
        "TargetInUse", f"others keep claiming {bucket.url(prefix)}; try again"
    )
