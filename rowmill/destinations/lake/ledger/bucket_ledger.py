"""The ledger of an experiment without Postgres: objects under `PREFIX/_rowmill/ledger/`.

What the transactions of Postgres decide, conditional PUTs decide here: who makes a run, who moves
its state, who records a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rowmill.destinations.lake.ledger.locks import BucketLocks
from rowmill.destinations.lake.ledger.pools import BucketPools
from rowmill.destinations.lake.ledger.progress import BucketProgress
from rowmill.destinations.lake.ledger.queries import BucketQueries
from rowmill.destinations.lake.ledger.records import LedgerObjects
from rowmill.destinations.lake.ledger.run_records import BucketRunRecords
from rowmill.destinations.lake.ledger.work import BucketWork
from rowmill.destinations.lake.target import ensure_bucket
from rowmill.destinations.ledger_layout import STEPS, Layout, refuse_newer
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.runs import Run
from rowmill.spec.dataset import ParquetTarget


class BucketLedger:
    """The `Ledger` of an experiment that writes to a bucket alone. Threads may share it."""

    def __init__(
        self,
        address: S3Address,
        target: ParquetTarget,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._target = target
        self._objects = LedgerObjects(address, target, patience)
        self.runs = BucketRunRecords(self._objects)
        self.work = BucketWork(self._objects, self.runs)
        self.locks = BucketLocks(self._objects)
        self.pools = BucketPools(self._objects)
        self.progress = BucketProgress(self._objects)
        self.queries = BucketQueries(self._objects, self.runs)

    def ensure(self) -> Iterable[str]:
        ensure_bucket(self._objects.bucket, make=self._target.embedded)
        self._refuse_newer()
        return ()

    def found(self) -> bool:
        if not self._objects.bucket.exists():
            return False
        self._refuse_newer()
        return True

    def forget_runs(self, runs: Sequence[Run]) -> None:
        self._forget({self._objects.run_key(run.owner, run.uid, run.number): run for run in runs})

    def forget_experiment(self, owner: str) -> None:
        objects = self._objects
        self._forget(self.runs.records_of(owner))
        keys = [objects.experiment_key, objects.prepare_key, objects.queries_key]
        objects.delete_all([key(owner) for key in keys])
        if not self.runs.owners():
            objects.delete_all(objects.keys(f"{objects.root}pools/"))
        self.locks.forget(owner)

    def _forget(self, records: Mapping[str, Run]) -> None:
        """Delete the records of runs, by their keys, and all that they lead to."""
        ids = [run.id for run in records.values()]
        for run_id in ids:
            self.work.forget(run_id)
        self.runs.forget(ids)
        self._objects.delete_all(list(map(self._objects.progress_key, ids)))
        # After what they lead to: whatever a crash leaves, a second try finds.
        self._objects.delete_all(list(records))

    def close(self) -> None:
        self._objects.close()

    def _refuse_newer(self) -> None:
        """Objects need no migration: a newer Rowmill writes its layout where others do harm."""
        layout = self._objects.load(self._objects.layout_key, _layout) or Layout()
        url = self._objects.bucket.url(self._objects.root)
        refuse_newer(layout, STEPS, f"at {url}", "parquet.prefix")


def _layout(data: Any) -> Layout:
    return Layout(step=int(data["step"]), oldest_writer=int(data["oldestWriter"]))
