"""The lake: one experiment's tables in a bucket, from the first claim to the published run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake import claim as lake_claim
from rowmill.destinations.lake import target as lake_target
from rowmill.destinations.lake.leftovers import Leftovers, stored_record
from rowmill.destinations.lake.object_names import (
    RUN,
    current_key,
    record_key,
    records_folder,
    table_folder,
)
from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.destinations.lake.parquet_part import PartUpload, RunTag
from rowmill.destinations.lake.records import (
    Current,
    PublishedRecord,
    current_of,
    dump,
    read_current,
    record_of,
)
from rowmill.destinations.lake.target import PARALLEL
from rowmill.destinations.ledger import PendingPart
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket, UploadGone
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.layout import Part
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, ParquetTarget


@dataclass(frozen=True)
class Emptied:
    """What `Lake.remove` came to: objects deleted, or whose the prefix is if it is another's."""

    objects: int
    taken_by: str | None


class Lake:
    """An experiment's place in a bucket. Every method is safe to call again after a crash in it.

    Any method may raise DestinationRefused or DestinationUnavailable. Reading (`current`, `record`,
    `published`, `data_owner`) needs no ownership.

    Args:
        address: the S3.
        target: the manifest's.
        owner: the experiment's owner key.
        patience: of `Bucket`.
    """

    def __init__(
        self,
        address: S3Address,
        target: ParquetTarget,
        owner: str,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._target = target
        self._prefix = target.prefix
        self._owner = owner
        self._encodings: dict[tuple[str, str], TableEncoding] = {}
        self._connect = partial(Bucket, address, target.bucket, patience=patience)

    @cached_property
    def bucket(self) -> Bucket:
        """The target's bucket; its client is made at the first use."""
        return self._connect()

    @property
    def _leftovers(self) -> Leftovers:
        return Leftovers(self.bucket, self._prefix)

    @property
    def endpoint(self) -> str:
        """The S3 that the bucket is in, for the reader and to know it again."""
        return self.bucket.where

    @property
    def place(self) -> str:
        """Bucket, prefix and S3, for the reader; two of one place write to the same objects."""
        return f"{self.bucket.url(self._prefix)} at {self.endpoint}"

    def there(self) -> bool:
        """Whether the bucket exists."""
        return self.bucket.exists()

    def holds(self, run: Run) -> bool:
        """Whether there is a sign of the published `run`: its record, or the claim of its owner.

        A claim of one who took the prefix over is such a sign too.
        """
        held = lake_claim.held(self.bucket, self._prefix)
        if held is not None and self._owner in held.claim.owners:
            return True
        return self.record(run.id) is not None

    def check_target(
        self,
        tables: Sequence[str],
        adopt: str | None = None,
        *,
        live: Callable[[], str | None] = lambda: None,
    ) -> None:
        """See that the tables' folders hold nothing that is another's, and claim the prefix.

        Who is refused holds nothing that he did not hold before.

        Args:
            tables: names of the tables to be written.
            adopt: the owner key of an experiment whose prefix and objects to take over.
            live: asked, where the prefix has neither claim nor data, for another whose live run
                writes there: what was lost with its store is still its owner's.
        """
        lake_target.ensure_bucket(self.bucket, make=self._target.embedded)
        lake_target.probe(self.bucket, self._prefix)

        def look(owners: frozenset[str]) -> None:
            known = self._published_keys(owners)
            found = lake_target.occupants(self.bucket, self._prefix, tables, known)
            lake_target.refuse_foreign(
                self.bucket, self._prefix, found, owners, replace=self._target.replace
            )

        lake_claim.take(
            self.bucket,
            self._prefix,
            self._owner,
            adopt,
            look,
            rightful=lambda: self.data_owner() or live(),
        )

    def hold(self, adopt: str | None = None) -> frozenset[str]:
        """See that the prefix is still this owner's; write a claim again that was lost.

        Args:
            adopt: the owner key of an experiment from whom to take the prefix over.

        Returns:
            This owner and those whom it adopted.

        Raises:
            DestinationRefused: TargetInUse, another has taken the prefix over.
        """
        return lake_claim.keep(
            self.bucket, self._prefix, self._owner, adopt, rightful=self.data_owner
        ).owners

    def open_part(self, run: Run, dataset: Dataset, part: Part) -> PartUpload:
        """Begin a part of a run; nothing is sent before the first piece is full."""
        # Of the run too: one that is rolled forward comes before another, of other tables or types.
        name = (run.id, part.table)
        encoding = self._encodings.get(name)
        if encoding is None:
            table = dataset.table(part.table)
            types = run.plan.parquet_types
            encoding = TableEncoding(dataset, table, self._target.compression, types)
            self._encodings[name] = encoding
        tag = RunTag(run.owner, run.id, run.plan.digest, run.plan.data_version)
        layout = run.plan.by_name[part.table]
        return PartUpload(self.bucket, self._prefix, tag, encoding, layout, part)

    def complete(self, run: Run, parts: Iterable[PendingPart]) -> list[PendingPart]:
        """Complete the uploads of a run's parts; each becomes a visible object.

        Returns:
            The parts whose upload is gone and of which there is no object: to be made again.
        """
        every = list(parts)
        with ThreadPoolExecutor(PARALLEL) as pool:
            there = pool.map(lambda part: self._complete(run.id, part), every)
            return [part for part, found in zip(every, there, strict=True) if not found]

    def publish(self, run: Run, dataset: Dataset, parts: Iterable[PendingPart]) -> PublishedRecord:
        """Write the run's record and move `current.json` to it: readers see the run from then on.

        Args:
            run: as the ledger has it.
            dataset: its tables.
            parts: all of the plan, completed.

        Raises:
            DestinationRefused: another run was published in the meantime (LiveRunElsewhere), or
                the prefix is another experiment's by now (TargetInUse); the parts are not those
                of the plan (PartsUnplanned).
        """
        record = record_of(run, dataset, parts)
        key = record_key(self._prefix, run.id)
        self.bucket.put(key, dump(record))
        self._move_current(run, key.removeprefix(records_folder(self._prefix)))
        return record

    def clean(self, run: Run) -> None:
        """Delete what the published run replaced, and abort its uploads that nobody recorded.

        With `ifExists: replace` also what was in the tables' folders and is nobody's.
        """
        record = self.record(run.id)
        if record is None:
            raise ValueError(f"run {run.id} is not published")
        owners = self._owners()
        older = self._leftovers.forget(owners, keep=record).runs
        self._leftovers.delete_occupants(
            run.plan.by_name, record.keys(), owners, strangers=self._target.replace
        )
        self._leftovers.abort_uploads({run.id, *older})

    def abort_uploads(self, run_id: str) -> int:
        """Abort every unfinished upload of a run; returns how many there were."""
        return self._leftovers.abort_uploads({run_id})

    def remove(self) -> Emptied:
        """Delete all published data and give the prefix up: readers see no run at once.

        Unfinished uploads are left to `abort_uploads`, run by run. What another experiment has
        taken over is not ours any more, and stays.
        """
        held = lake_claim.held(self.bucket, self._prefix)
        if held is not None and held.claim.owner != self._owner:
            return Emptied(0, held.claim.owner)
        owners = self._owners()
        current = self.current()
        if current is not None and current.owner in owners:
            self.bucket.delete(current_key(self._prefix))
        forgotten = self._leftovers.forget(owners, keep=None)
        lake_claim.release(self.bucket, self._prefix, self._owner)
        return Emptied(forgotten.objects, None)

    def release(self) -> None:
        """Give the prefix up if it is this owner's and no data that he published is there.

        An adopted owner whose published data is there has it again.
        """
        found = lake_claim.held(self.bucket, self._prefix)
        if found is None or found.claim.owner != self._owner:
            return
        published = {record.owner for _, record in self._leftovers.records(found.claim.owners)}
        if (seen := self.data_owner()) is not None:
            published.add(seen)
        if self._owner not in published:
            lake_claim.hand_back(self.bucket, self._prefix, found, published)

    def current(self) -> Current | None:
        """The run that readers are to see, or None."""
        key = current_key(self._prefix)
        stored = self.bucket.read(key)
        return None if stored is None else read_current(stored.body, self.bucket.url(key))

    def record(self, run_id: str) -> PublishedRecord | None:
        """The record of a published run, or None."""
        return stored_record(self.bucket, self._prefix, run_id)

    def data_owner(self) -> str | None:
        """Whose data readers see, or None."""
        current = self.current()
        return None if current is None else current.owner

    def published(self, run: Run) -> bool:
        """Whether readers see this run and all its objects are there, each of its size."""
        current = self.current()
        record = self.record(run.id) if current and current.run == run.id else None
        if record is None:
            return False
        sizes = {
            found.key: found.size
            for table in record.plan.tables
            for found in self.bucket.list(table_folder(self._prefix, table.table))
        }
        return all(sizes.get(part.key) == part.bytes for part in record.parts)

    def close(self) -> None:
        if "bucket" in self.__dict__:
            self.bucket.close()

    def _owners(self) -> frozenset[str]:
        """This owner and those whom it adopted.

        Raises:
            DestinationRefused: TargetInUse, another has taken the prefix over.
        """
        found = lake_claim.held(self.bucket, self._prefix)
        if found is None:
            return frozenset({self._owner})
        if found.claim.owner != self._owner:
            raise lake_claim.in_use(self.bucket.url(self._prefix), found.claim.owner)
        return found.claim.owners

    def _published_keys(self, owners: Collection[str]) -> frozenset[str]:
        """Keys of the present run, if it is ours: objects that need not be asked whose they are."""
        current = self.current()
        if current is None or current.owner not in owners:
            return frozenset()
        record = self.record(current.run)
        return frozenset() if record is None else record.keys()

    def _complete(self, run_id: str, part: PendingPart) -> bool:
        try:
            self.bucket.complete_upload(part.key, part.upload_id, part.etags)
        except UploadGone:
            head = self.bucket.head(part.key)
            return head is not None and head.metadata.get(RUN) == run_id and head.size == part.bytes
        return True

    def _move_current(self, run: Run, record_name: str) -> None:
        owners = self.hold()
        key = current_key(self._prefix)
        stored = self.bucket.read(key)
        if stored is not None:
            found = read_current(stored.body, self.bucket.url(key))
            if found.run == run.id:
                return
            if found.owner not in owners:
                raise lake_claim.in_use(self.bucket.url(self._prefix), found.owner)
            if (found.owner, found.uid) == (run.owner, run.uid) and found.number > run.number:
                raise _lost_to(run, found)
        body = dump(current_of(run, record_name))
        if self.bucket.put_if(key, body, stored.etag if stored else None) is not None:
            return
        winner = self.current()
        if winner is None or winner.run != run.id:
            raise _lost_to(run, winner)


def _lost_to(run: Run, winner: Current | None) -> DestinationRefused:
    who = f"run {winner.number} of {winner.owner!r} ({winner.run})" if winner else "another run"
    return DestinationRefused(
        "LiveRunElsewhere",
        f"run {run.number} of {run.owner!r} ({run.id}) is not published: {who} was published at "
        "the same time and is what readers see; its data stays. Run again to replace it",
    )
