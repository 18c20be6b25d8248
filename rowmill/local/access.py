"""An experiment's destinations, opened to look at them, or to change what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

from rowmill.destinations.patience import Patience
from rowmill.local.connections import find_connections, known_connections
from rowmill.local.home.folder import Home
from rowmill.local.reports import Reports
from rowmill.local.servers import embedded
from rowmill.local.source import Source
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations


@contextmanager
def looking(
    home: Home,
    source: Source,
    spec: Spec,
    reports: Reports,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Destinations]:
    """Its destinations, to read; `spec` is the source's, `sleep` waits for a server that is away.

    Raises:
        ServersDown: they are embedded, and no server is up.
    """
    connections = known_connections(spec, source.secrets, partial(embedded.running, home))
    with _opened(spec, connections, one_machine(reports.wait, sleep=sleep)) as destinations:
        yield destinations


@contextmanager
def changing(home: Home, source: Source, reports: Reports) -> Iterator[Destinations]:
    """Its destinations; the embedded servers are started for them."""
    spec = source.spec()
    connections = find_connections(spec, source.secrets, home, reports.starting)
    with _opened(spec, connections, one_machine(reports.wait)) as destinations:
        yield destinations


def _opened(spec: Spec, connections: Connections, patience: Patience) -> closing[Destinations]:
    return closing(open_destinations(spec, connections, patience=patience))
