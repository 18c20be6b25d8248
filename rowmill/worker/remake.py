"""Make parts again whose uploads the store dropped after every worker had gone home."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.ledger import Ledger, PendingPart
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset
from rowmill.worker.shard import make
from rowmill.worker.shard_context import generator_for


def remake(
    run: Run, dataset: Dataset, gone: Iterable[PendingPart], lake: Lake, ledger: Ledger
) -> None:
    """Upload the parts again and record them in place of the lost ones, not completed yet.

    `dataset` is of the data version that the run's plan froze.
    """
    generator = generator_for(dataset, ledger.pools)
    for lost in gone:
        layout = run.plan.by_name[lost.table]
        part = layout.part(lost.number)
        upload = lake.open_part(run, dataset, part)
        for batch in layout.batches_of(part):
            upload.write(make(generator, batch))
        ledger.work.replace_part(run.id, upload.close())
