"""The exit codes by which a Job tells what became of a pod."""

from __future__ import annotations

# Every batch of the pod's work is durable.
DONE = 0
# A bad spec, or one that this image cannot run: final.
UNFIT = 64
# A destination refuses: the Job ends, and is made again until somebody mended it.
REFUSED = 65
# Anything else: the pod is tried again.
FAILED = 70
# SIGTERM. An evicted pod that exits 0 would have its shard counted as complete.
TERMINATED = 143
