"""Which namespace of which cluster a command of the plugin means."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from rowmill.cluster.apiserver.kubeconfig import Wanted
from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import connect
from rowmill.commands.chosen import OnEngine
from rowmill.terminal.prose import notice

_OPTIONS = {
    "namespace": "-n",
    "context": "--context",
    "kubeconfig": "--kubeconfig",
    "cluster": "--cluster",
    "user": "--user",
    "server": "--server",
    "as_user": "--as",
    "as_groups": "--as-group",
    "as_uid": "--as-uid",
    "as_user_extra": "--as-user-extra",
}


def chosen(**wanted: Any) -> OnEngine:
    """The engine, as what a command does takes it; nothing is asked of the cluster yet.

    Args:
        wanted: options that were given, fields of `Wanted`.

    Raises:
        NoAccess: as `connect`.
    """
    cluster = connect(Wanted(**wanted))
    return {"engine": ClusterEngine(cluster, notice, options=_typed(wanted))}


def _typed(wanted: Mapping[str, Any]) -> str:
    """The options as they are typed, with one that was given several times as often."""
    words: list[str] = []
    for name, given in wanted.items():
        for value in given if isinstance(given, (list, tuple)) else [given]:
            words += [_OPTIONS[name], str(value)]
    return shlex.join(words)
