"""Whether a run may begin on this machine: asked by prepare, before anything is begun."""

from __future__ import annotations

from collections.abc import Callable

from rowmill.destinations.errors import DestinationRefused
from rowmill.local.home.folder import Home
from rowmill.local.servers.disk_demand import demands
from rowmill.local.servers.disk_space import embedded_disks
from rowmill.plan.disk import heap
from rowmill.spec.dataset import Dataset, Spec
from rowmill.worker.remaining import rows_to_copy, rows_to_upload
from rowmill.worker.start.prepared import Ahead, Staged


def admission(spec: Spec, home: Home, notice: Callable[[str], None]) -> Callable[[Ahead], None]:
    """What `prepare` asks: it refuses what cannot fit the disk, and tells `notice` what may not.

    It raises DestinationRefused with the reason DiskTooSmall.
    """

    def admit(ahead: Ahead) -> None:
        frozen = spec.at(ahead.load.plan.data_version)
        found = demands(
            frozen,
            embedded_disks(frozen, home),
            to_copy=rows_to_copy(ahead.load.plan, ahead.load.durable),
            to_upload=rows_to_upload(ahead.load.plan, ahead.load.durable),
            indexed=ahead.load.index_bytes,
            freed=sum(_bytes(frozen.dataset, each) for each in ahead.discarded),
        )
        for demand in found:
            if not demand.fits:
                raise DestinationRefused("DiskTooSmall", str(demand))
        for demand in found:
            if demand.verdict:
                notice(str(demand))

    return admit


def _bytes(dataset: Dataset, staged: Staged) -> int:
    """About what the tables of an unfinished run hold, which is free once they are dropped."""
    if staged.durable.batches is None:
        return 0
    left = rows_to_copy(staged.plan, staged.durable)
    rows = {each.table: each.rows - left[each.table] for each in staged.plan.tables}
    planned = sum(rows[each.table] * each.row_bytes for each in staged.plan.tables)
    # Of another dataset its plan alone is known.
    same = {table.name: rows.get(table.name, 0) for table in dataset.tables}
    return max(planned, heap(dataset, same).likely) + staged.index_bytes
