"""What a process that makes rows is to be started with: how it takes memory, and no idle threads.

Each is read while a library is loaded, or the process itself: a change that comes later is not
seen. What the user has set stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

# For products of matrices, of which there are none; the threads spin while numpy is imported.
COMMAND_SETTINGS: Mapping[str, str] = {
    "OPENBLAS_NUM_THREADS": "1",
    # Else it looks for some in the metadata of every installed package; a manifest is to mean the
    # same whatever else is installed.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
# Arrow's own allocator, and glibc's with a heap for every thread, keep some 70 MB a worker of what
# was freed, and are no faster here.
WORKER_SETTINGS: Mapping[str, str] = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    # A thread of the allocator that is not used.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    **COMMAND_SETTINGS,
}


def set_for_commands() -> None:
    """Have no idle threads in this process; to be called before numpy is imported."""
    _set(COMMAND_SETTINGS)


def set_for_workers() -> None:
    """Have this process fit to become workers; to be called before Arrow and numpy are imported."""
    _set(WORKER_SETTINGS)


def _set(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        os.environ.setdefault(name, value)
