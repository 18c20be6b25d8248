"""The engines as Python opens them: of this machine, of a cluster."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from rowmill.destinations.patience import NowAndThen
from rowmill.engine.interface import Engine
from rowmill.errors import RowmillError, Unsupported
from rowmill.python_arguments import (
    check_callable,
    check_path,
    check_text,
    checked_request,
    chosen_state,
    flag,
    given_text,
    whole_number,
)
from rowmill.python_words import in_python_on_cluster
from rowmill.spec.run_bounds import WORKERS

_LOG = logging.getLogger("rowmill")
E = TypeVar("E", bound=Engine)

# What the methods of `Engine` take, by the parameter's name; None besides, where it is the default.
_TAKEN: Mapping[str, Callable[[str, object], object]] = {
    "name": given_text,
    "verb": given_text,
    "restart": flag,
    "request": checked_request,
    "dry_run": flag,
    "if_match": given_text,
    "search": given_text,
    "state": chosen_state,
    "after": given_text,
    "limit": whole_number,
    "run": whole_number,
    "shard": whole_number,
    "threads": partial(whole_number, bounds=WORKERS),
    "on_progress": check_callable,
    "purge": flag,
    "follow": flag,
}


def local_engine() -> Engine:
    """The engine of this machine: the experiments that were run here, whoever ran them.

    What its user should know goes to the logger `rowmill`. To look at an experiment starts no
    server, to change or read one does. What it raises is a RowmillError.
    """
    from rowmill.local.engine import LocalEngine
    from rowmill.local.home.folder import rowmill_home
    from rowmill.local.reports import Reports

    reports = Reports(_LOG.warning, NowAndThen(_LOG.warning))
    return _for_callers(LocalEngine)(rowmill_home(), reports=reports)


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
        InvalidArgument: what is given is of the wrong kind.
        Unsupported: ExtraMissing, the libraries of the extra `kubectl` are not installed.
        NoAccess: the kubeconfig, or what is wanted of it, gives no access to a cluster.
    """
    check_text("namespace", namespace)
    check_text("context", context)
    if kubeconfig is not None:
        check_path("kubeconfig", kubeconfig)
    try:
        from rowmill.cluster.apiserver.kubeconfig import Wanted
        from rowmill.cluster.engine import ClusterEngine
        from rowmill.cluster.namespace import connect
    except ModuleNotFoundError as error:
        message = f"this needs {error.name}: pip install 'rowmill[kubectl]'"
        raise Unsupported("ExtraMissing", message) from None
    file = None if kubeconfig is None else Path(kubeconfig)
    wanted = Wanted(namespace=namespace, context=context, kubeconfig=file)
    with _in_words(in_python_on_cluster):
        cluster = connect(wanted)
    return _for_callers(ClusterEngine, in_python_on_cluster)(cluster, _LOG.warning)


def _as_it_is(text: str) -> str:
    return text


@contextmanager
def _in_words(words: Callable[[str], str]) -> Iterator[None]:
    """Have what the block raises say what it says in these words."""
    try:
        yield
    except RowmillError as error:
        error.args = (words(str(error)),)
        raise


def _for_callers(kind: type[E], words: Callable[[str], str] = _as_it_is) -> type[E]:
    """The class of an engine whose methods check what they are given, and say all that they do.

    What they raise is said in `words`.
    """
    asked = [name for name, value in vars(Engine).items() if inspect.isfunction(value)]
    methods = {
        name: _checked(getattr(kind, name), getattr(Engine, name), words)
        for name in asked
        if not name.startswith("_")
    }
    return cast(type[E], type(kind.__name__, (kind,), {"__doc__": kind.__doc__, **methods}))


def _checked(
    method: Callable[..., Any], promised: Callable[..., Any], words: Callable[[str], str]
) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        for name, value in given.arguments.items():
            left_out = value is None and signature.parameters[name].default is None
            if name in _TAKEN and not left_out:
                given.arguments[name] = _TAKEN[name](name, value)
        with _in_words(words):
            return method(*given.args, **given.kwargs)

    call.__doc__ = _said(method.__doc__, promised)
    return call


def _said(own: str | None, promised: Callable[..., Any]) -> str:
    """What the interface promises, and behind it what this engine adds."""
    said = inspect.getdoc(promised) or ""
    if own is None:
        return said
    added = re.sub(r"^As of `Engine`[;:,] ", "", inspect.cleandoc(own))
    return f"{said}\n\nOf this engine: {added}"
