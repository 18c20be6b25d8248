"""The bundle of a run: its frozen plan and all else that its pods work by, packed into one file.

A part of what operator and pods agree on: the rest is in pod_contract.py.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from rowmill.plan.layout import Plan
from rowmill.spec.cluster import Defaults

T = TypeVar("T")

FORMAT = 1
FILE = "run.json.gz"
# Twice what the largest manifest and plan come to; whoever may make ConfigMaps may make bombs.
_MOST_BYTES = 8 * 2**20


class UnreadableBundle(ValueError):
    """It is no bundle, or none that this version of Rowmill can read."""


@dataclass(frozen=True)
class Bundle:
    """What the operator chose for a run: whose it is, its number, its plan.

    `adopt` is another owner whose targets may be taken over, `image` what the pods run, and
    `manifest` the Experiment as JSON.
    """

    engine: str
    namespace: str
    uid: str
    number: int
    adopt: str | None
    image: str
    manifest: dict[str, Any]
    defaults: Defaults
    plan: Plan

    @property
    def rerun(self) -> str:
        """The `rerun` that the run was started for."""
        return str(self.manifest["spec"].get("rerun") or "")


def pack(bundle: Bundle) -> bytes:
    """Gzipped JSON, the same bytes for the same bundle."""
    document = {
        "bundle": FORMAT,
        "engine": bundle.engine,
        "namespace": bundle.namespace,
        "uid": bundle.uid,
        "number": bundle.number,
        "adopt": bundle.adopt,
        "image": bundle.image,
        "manifest": bundle.manifest,
        "defaults": bundle.defaults.to_json(),
        "plan": bundle.plan.to_json(),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def unpack(packed: bytes) -> Bundle:
    """What `pack` packed.

    Raises:
        UnreadableBundle: it is none, of another format, far too large, or without a sane plan.
    """
    data = _document(packed)
    try:
        if data["bundle"] != FORMAT:
            raise UnreadableBundle(
                f"the run's bundle is of format {data['bundle']}, this image reads {FORMAT}: "
                "worker and operator must be of versions that fit"
            )
        manifest = _of(dict, data, "manifest")
        _of(dict, manifest, "spec")
        return Bundle(
            engine=_of(str, data, "engine"),
            namespace=_of(str, data, "namespace"),
            uid=_of(str, data, "uid"),
            number=_of(int, data, "number"),
            adopt=None if data["adopt"] is None else _of(str, data, "adopt"),
            image=_of(str, data, "image"),
            manifest=manifest,
            defaults=Defaults.from_json(data["defaults"]),
            plan=_sane(Plan.from_json(data["plan"])),
        )
    except UnreadableBundle:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableBundle(
            f"the run's bundle is not as this image knows it ({error}): worker and operator must "
            "be of versions that fit"
        ) from None


def _document(packed: bytes) -> dict[str, Any]:
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unzip.decompress(packed, _MOST_BYTES)
        data = json.loads(content) if unzip.eof else None
    except (zlib.error, ValueError, RecursionError) as error:
        raise UnreadableBundle(
            f"the run's bundle cannot be read: {type(error).__name__}: {error}"
        ) from None
    if not unzip.eof:
        raise UnreadableBundle(
            "the run's bundle cannot be read: it ends too early or unzips to more than 8 MiB"
        )
    if not isinstance(data, dict):
        raise UnreadableBundle("the run's bundle cannot be read: it is no JSON object")
    return data


def _of(kind: type[T], data: Mapping[str, Any], name: str) -> T:
    value = data[name]
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}, not {kind.__name__}")
    return value


def _sane(plan: Plan) -> Plan:
    """The plan, if one can calculate with it."""
    for table in plan.tables:
        if table.rows < 0 or min(table.batch_rows, table.part_rows, table.group_rows) < 1:
            raise UnreadableBundle(
                f"the run's bundle has a plan that makes no sense of table {table.table}"
            )
    stops = plan.shard_stops
    if not stops or any(stop <= start for start, stop in pairwise((0, *stops))):
        raise UnreadableBundle("the run's bundle has a plan whose shards make no sense")
    return plan
