"""Whole manifests of late, so that judging one need not ask the API server for it again."""

from __future__ import annotations

import json
from collections import OrderedDict

from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.views import Raw

_TOTAL = 4 * 2**20
_EACH = 2**18


class Manifests:
    """The JSON of the Experiments seen last, as much as fits into `total` characters."""

    def __init__(self, total: int = _TOTAL) -> None:
        self._total = total
        self._size = 0
        self._texts: OrderedDict[Key, tuple[str, int, str]] = OrderedDict()

    def keep(self, raw: Raw) -> None:
        """Keep an Experiment for a while, if it is not very large."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        known = self._texts.get(key)
        if known is not None and known[:2] == (meta["uid"], meta["generation"]):
            return
        self.drop(key)
        text = manifest_json(raw)
        if len(text) > _EACH:
            # That it is too large is worth keeping: else each event would have it written again.
            text = ""
        self._texts[key] = (meta["uid"], meta["generation"], text)
        self._size += len(text)
        while self._size > self._total:
            _, (_, _, oldest) = self._texts.popitem(last=False)
            self._size -= len(oldest)

    def find(self, key: Key, uid: str, generation: int) -> str | None:
        """The JSON of this generation, if it is still kept."""
        known = self._texts.get(key)
        if known is None or known[:2] != (uid, generation):
            return None
        return known[2] or None

    def drop(self, key: Key) -> None:
        """Forget what is kept of an Experiment."""
        known = self._texts.pop(key, None)
        if known is not None:
            self._size -= len(known[2])


def manifest_json(raw: Raw) -> str:
    """What of an Experiment its author wrote, as JSON."""
    meta = raw["metadata"]
    manifest = {
        "apiVersion": raw.get("apiVersion"),
        "kind": raw.get("kind"),
        "metadata": {"name": meta["name"]},
        "spec": raw.get("spec") or {},
    }
    return json.dumps(manifest, ensure_ascii=False, separators=(",", ":"))
