from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from bed import Bed
from experiments import Manifest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.local.embedded import EmbeddedServers, exports
from rowmill.worker.destinations import Connections, Destinations


@pytest.fixture
def reach(servers: EmbeddedServers) -> Connections:
    known = KnownCredentials(exports(servers))
    return Connections("tests", known, known)


@pytest.fixture
def opened(reach: Connections) -> Iterator[Callable[[Manifest], tuple[Bed, Destinations]]]:
    """Opens a manifest's destinations, which are closed when the test ends."""
    with ExitStack() as stack:

        def open_manifest(content: Manifest) -> tuple[Bed, Destinations]:
            bed = Bed(content, reach)
            return bed, stack.enter_context(closing(bed.join()))

        yield open_manifest
