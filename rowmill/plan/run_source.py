"""What a run came from: its manifest, what was set over that, and the versions that began it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rowmill.plan.runs import Run

# In a run's summary.
SOURCE = "source"


@dataclass(frozen=True)
class Versions:
    """Of Rowmill and pyarrow as they began the run, and of its data."""

    rowmill: str
    pyarrow: str
    data: int


@dataclass(frozen=True)
class ClusterPart:
    """What a cluster adds to a manifest: `defaults` are the chart's, as a bundle carries them."""

    namespace: str
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class RunSource:
    """The manifest's text and what was set over it from outside; None is the manifest's value.

    `cluster` is None on one machine. `versions` are None until the run begins, and of records that
    are older than they are.
    """

    manifest: str
    scale: str | None = None
    seed: int | None = None
    rerun: str | None = None
    cluster: ClusterPart | None = None
    versions: Versions | None = None

    def to_json(self) -> dict[str, Any]:
        """As the ledger keeps it; older clients read it too, and want `scale` and `seed`."""
        kept = {"manifest": self.manifest, "scale": self.scale, "seed": self.seed}
        others = {"rerun": self.rerun, "cluster": self.cluster, "versions": self.versions}
        return kept | {
            name: value if isinstance(value, str) else asdict(value)
            for name, value in others.items()
            if value is not None
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunSource:
        """What `to_json` gave, also long ago, when there were fewer keys."""
        cluster, versions = data.get("cluster"), data.get("versions")
        return cls(
            manifest=data["manifest"],
            scale=data.get("scale"),
            seed=data.get("seed"),
            rerun=data.get("rerun"),
            cluster=None
            if cluster is None
            else ClusterPart(cluster["namespace"], cluster["defaults"]),
            versions=None
            if versions is None
            else Versions(versions["rowmill"], versions["pyarrow"], versions["data"]),
        )


def source_of(run: Run) -> RunSource | None:
    """What `run` came from; None if nothing was kept of it."""
    kept = run.summary.get(SOURCE)
    return RunSource.from_json(kept) if kept else None
