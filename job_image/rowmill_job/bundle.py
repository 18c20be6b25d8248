"""The run that a pod is of: its bundle, if this image can run it, and the spec that it holds."""

from __future__ import annotations

from pathlib import Path

from rowmill.errors import Unsupported
from rowmill.plan.bundle import Bundle, UnreadableBundle, unpack
from rowmill.plan.run_source import ClusterPart, RunSource
from rowmill.spec.cluster import on_cluster
from rowmill.spec.cluster_names import RERUN
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill.spec.manifest.text import manifest_text
from rowmill.spec.versions import VERSIONS


class BundleRefused(Unsupported):
    """This image cannot run the bundle, now or later."""


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleRefused: it is of another format, or this image lacks its data version.
    """
    try:
        bundle = unpack(path.read_bytes())
    except OSError as error:
        raise BundleRefused(
            "BundleUnreadable", f"the run's bundle cannot be read: {type(error).__name__}: {error}"
        ) from None
    except UnreadableBundle as error:
        raise BundleRefused("BundleUnreadable", str(error)) from None
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
    frozen = bundle.plan.data_version
    text = manifest_text(bundle.manifest)
    spec = load_spec("the Experiment", text=text, last_version=lambda _: frozen)
    if spec.digest != bundle.plan.digest:
        raise BundleRefused(
            "DigestDiffers",
            f"the manifest's digest is {spec.digest} to this image and {bundle.plan.digest} in the "
            "plan: worker and operator read it differently; use images of one version, and start "
            f"a new run with the annotation {RERUN}",
        )
    return on_cluster(spec.at(frozen), bundle.namespace, bundle.defaults)


def source_of(bundle: Bundle) -> RunSource:
    """What is kept with the run, for `rowmill.worker.previous_run`."""
    return RunSource(
        manifest_text(bundle.manifest),
        # An annotation may have set it: then it is in no manifest that anybody holds.
        rerun=bundle.rerun,
        cluster=ClusterPart(bundle.namespace, bundle.defaults.to_json()),
    )
