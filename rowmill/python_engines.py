"""The engines as Python opens them: of this machine, of a cluster."""

from __future__ import annotations

import logging
from pathlib import Path

from rowmill.destinations.patience import NowAndThen
from rowmill.engine.interface import Engine
from rowmill.errors import Unsupported

_LOG = logging.getLogger("rowmill")


def local_engine() -> Engine:
    """The engine of this machine: the experiments that were run here, whoever ran them.

    What its user should know goes to the logger `rowmill`. To look at an experiment starts no
    server, to change or read one does. What it raises is a RowmillError.
    """
    from rowmill.local.engine import LocalEngine
    from rowmill.local.home.folder import rowmill_home
    from rowmill.local.reports import Reports

    reports = Reports(_LOG.warning, NowAndThen(_LOG.warning))
    return LocalEngine(rowmill_home(), reports=reports)


def cluster_engine(
    namespace: str | None = None,
    *,
    context: str | None = None,
    kubeconfig: str | Path | None = None,
) -> Engine:
    """The engine of a cluster: the Experiments of one namespace, by the kubeconfig's rules.

    Args:
        namespace: by default the context's.
        context: by default the kubeconfig's current one.
        kubeconfig: its file; by default $KUBECONFIG, else ~/.kube/config, else the pod's account.

    Raises:
        Unsupported: ExtraMissing, the libraries of the extra `kubectl` are not installed.
        NoAccess: the kubeconfig, or what is wanted of it, gives no access to a cluster.
    """
    try:
        from rowmill.cluster.apiserver.kubeconfig import Wanted
        from rowmill.cluster.engine import ClusterEngine
        from rowmill.cluster.namespace import connect
    except ModuleNotFoundError as error:
        message = f"this needs {error.name}: pip install 'rowmill[kubectl]'"
        raise Unsupported("ExtraMissing", message) from None
    file = None if kubeconfig is None else Path(kubeconfig)
    wanted = Wanted(namespace=namespace, context=context, kubeconfig=file)
    return ClusterEngine(connect(wanted), _LOG.warning)
