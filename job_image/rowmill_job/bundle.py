"""The bundle of a run: the frozen plan and the manifest, as the operator wrote them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rowmill.generate.versions import VERSIONS
from rowmill.plan.layout import Plan
from rowmill.spec.cluster import Defaults, on_cluster
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill.spec.manifest_text import manifest_text

T = TypeVar("T")

FORMAT = 1
# Several times what a ConfigMap holds of plans and manifests, packed: no bomb is unpacked.
_MOST_BYTES = 64 * 2**20


class BundleRefused(Exception):
    """This image cannot run the bundle, now or later; `reason` is one word for machines."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Bundle:
    """What the operator chose for a run: whose it is, its number, its plan.

    `adopt` is another owner whose targets may be taken over; `manifest` is the Experiment as JSON.
    """

    engine: str
    namespace: str
    uid: str
    number: int
    adopt: str | None
    manifest: dict[str, Any]
    defaults: Defaults
    plan: Plan

    @property
    def source(self) -> dict[str, Any]:
        """What is kept with the run, for `rowmill.worker.earlier`."""
        return {
            "manifest": manifest_text(self.manifest),
            "scale": None,
            "seed": None,
            "cluster": {"namespace": self.namespace, "defaults": self.defaults.to_json()},
        }


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleRefused: it is of another format, or this image lacks its data version.
    """
    data = _unpacked(path)
    try:
        if data["bundle"] != FORMAT:
            raise BundleRefused(
                "BundleUnreadable",
                f"the run's bundle is of format {data['bundle']}, this image reads {FORMAT}: "
                "worker and operator must be of versions that fit",
            )
        bundle = Bundle(
            engine=_of(str, data, "engine"),
            namespace=_of(str, data, "namespace"),
            uid=_of(str, data, "uid"),
            number=_of(int, data, "number"),
            adopt=None if data["adopt"] is None else _of(str, data, "adopt"),
            manifest=_of(dict, data, "manifest"),
            defaults=Defaults.from_json(data["defaults"]),
            plan=Plan.from_json(data["plan"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleRefused(
            "BundleUnreadable",
            f"the run's bundle is not as this image knows it ({error}): worker and operator must "
            "be of versions that fit",
        ) from None
    if bundle.plan.data_version not in VERSIONS:
        raise BundleRefused(
            "DataVersionUnknown",
            f"the run is of data version {bundle.plan.data_version}, this image knows "
            f"{', '.join(map(str, sorted(VERSIONS)))}: it takes a newer worker image",
        )
    return bundle


def spec_of(bundle: Bundle) -> Spec:
    """The bundle's spec in its namespace, with the chart's defaults and the plan's data version.

    Raises:
        InvalidManifest: this image's rules refuse the manifest.
        BundleRefused: the manifest is not the one that the plan was made for.
    """
    spec = load_spec("the Experiment", text=manifest_text(bundle.manifest))
    if spec.digest != bundle.plan.digest:
        raise BundleRefused(
            "DigestDiffers",
            f"the manifest's digest is {spec.digest} to this image and {bundle.plan.digest} in the "
            "plan: worker and operator read it differently; use images of one version, and start "
            "a new run with the annotation rowmill.dev/rerun",
        )
    return on_cluster(spec, bundle.namespace, bundle.defaults)


def _unpacked(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path) as file:
            content = file.read(_MOST_BYTES + 1)
        data = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise BundleRefused(
            "BundleUnreadable", f"the run's bundle cannot be read: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(data, dict):
        raise BundleRefused("BundleUnreadable", "the run's bundle is no JSON object of its size")
    return data


def _of(kind: type[T], data: Mapping[str, Any], name: str) -> T:
    value = data[name]
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}, not {kind.__name__}")
    return value
