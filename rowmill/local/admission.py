"""Whether a run may begin on this machine: asked by prepare, before anything is begun."""

from __future__ import annotations

from collections.abc import Callable

from rowmill.destinations.errors import DestinationRefused
from rowmill.local.disk_demand import demands
from rowmill.local.disk_space import embedded_disks
from rowmill.local.home import Home
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec
from rowmill.worker.prepare import Ahead
from rowmill.worker.remaining import Durable, rows_to_copy, rows_to_upload


def admission(spec: Spec, home: Home, notice: Callable[[str], None]) -> Callable[[Ahead], None]:
    """What `prepare` asks: it refuses what cannot fit the disk, and tells `notice` what may not.

    It raises DestinationRefused with the reason DiskTooSmall.
    """

    def admit(ahead: Ahead) -> None:
        found = demands(
            spec,
            embedded_disks(spec, home),
            to_copy=rows_to_copy(ahead.plan, ahead.durable),
            to_upload=rows_to_upload(ahead.plan, ahead.durable),
            freed=sum(_staged(plan, durable) for plan, durable in ahead.given_up),
        )
        for demand in found:
            if not demand.fits:
                raise DestinationRefused("DiskTooSmall", str(demand))
        for demand in found:
            if demand.verdict:
                notice(str(demand))

    return admit


def _staged(plan: Plan, durable: Durable) -> int:
    """About what the tables of an unfinished run hold, which is free once they are dropped."""
    if durable.batches is None:
        return 0
    left = rows_to_copy(plan, durable)
    return sum((each.rows - left[each.table]) * each.row_bytes for each in plan.tables)
