"""Which namespace of which cluster a command of the plugin means."""

from __future__ import annotations

from typing import Any

from rowmill.cluster.apiserver.kubeconfig import Wanted
from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import connect
from rowmill.commands.chosen import OnEngine
from rowmill.terminal.prose import notice


def chosen(**wanted: Any) -> OnEngine:
    """The engine, as what a command does takes it; nothing is asked of the cluster yet.

    Args:
        wanted: options that were given, fields of `Wanted`.

    Raises:
        NoAccess: as `connect`.
    """
    return {"engine": ClusterEngine(connect(Wanted(**wanted)), notice)}
