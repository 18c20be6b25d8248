"""Make parts again whose uploads the store dropped after every worker had gone home."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.destinations.ledger import PendingPart, Run
from rowmill.spec.dataset import Dataset
from rowmill.spec.load import Overrides, load_spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.kit import generator_for, uploader_for
from rowmill.worker.shard import make


def remake(run: Run, gone: Iterable[PendingPart], destinations: Destinations) -> None:
    """Upload the parts again and record them in place of the lost ones, not completed yet."""
    dataset = dataset_of(run)
    generator = generator_for(run, dataset, destinations)
    uploader = uploader_for(run, dataset, destinations)
    assert uploader is not None
    for lost in gone:
        layout = run.plan.by_name[lost.table]
        part = layout.part(lost.number)
        upload = uploader.open(part)
        for batch in layout.batches_of(part):
            upload.write(make(generator, batch))
        pending = upload.close()
        destinations.ledger.forget_part(run.id, lost.table, lost.number)
        uploader.record(pending)


def dataset_of(run: Run) -> Dataset:
    """The dataset that `run` was started with, from the manifest kept with it."""
    source = run.summary["source"]
    overrides = Overrides(scale=source["scale"], seed=source["seed"])
    return load_spec(
        f"the manifest of run {run.number}", text=source["manifest"], overrides=overrides
    ).dataset
