"""Kubeconfig files as kubectl reads them: several merged into one, and what is chosen of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rowmill.cluster.apiserver.kubeconfig_fields import check_known, check_text, check_types
from rowmill.cluster.apiserver.kubeconfig_yaml import read_yaml
from rowmill.cluster.failures import NoAccess

CURE = "name a kubeconfig with --kubeconfig FILE or KUBECONFIG, one of its contexts with --context"
_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATHS = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
    "context": (),
}


@dataclass(frozen=True)
class Wanted:
    """What a command line asks for beside or against the kubeconfig; None and () leave it."""

    kubeconfig: Path | None = None
    context: str | None = None
    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None
    server: str | None = None
    as_user: str | None = None
    as_uid: str | None = None
    as_groups: Sequence[str] = ()
    as_user_extra: Sequence[str] = ()


@dataclass(frozen=True)
class Chosen:
    """The entries of one context, with absolute paths; `found` is False if there is no kubeconfig.

    `cluster` and `user` may hold secrets and are not shown.
    """

    found: bool
    namespace: str | None
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)


def choose(wanted: Wanted, environ: Mapping[str, str], home: Path) -> Chosen:
    """The cluster, user and namespace that kubectl would take.

    Raises:
        NoAccess: a file cannot be read, a name is not in it, or a field is not for us.
    """
    merged = _merged([(path, _read(path)) for path in _files(wanted, environ, home)])
    name = wanted.context or merged.current
    context: Mapping[str, Any] = {}
    if name:
        context = _named(merged, "contexts", name)
    elif merged.has_contexts and not (wanted.cluster or wanted.server):
        known = ", ".join(sorted(merged.entries["contexts"]))
        raise NoAccess(f"the kubeconfig has no current-context (contexts: {known}); {CURE}")
    cluster_name = wanted.cluster or context.get("cluster")
    user_name = wanted.user or context.get("user")
    cluster = _named(merged, "clusters", cluster_name) if cluster_name else {}
    user = _named(merged, "users", user_name) if user_name else {}
    if wanted.server:
        cluster = {**cluster, "server": wanted.server}
    return Chosen(
        found=bool(name or cluster),
        namespace=wanted.namespace or context.get("namespace") or None,
        cluster=cluster,
        user={**user, **_impersonation(wanted)},
    )


@dataclass(frozen=True)
class _Merged:
    """By list and name each entry; the file of the first that has a name holds it all."""

    current: str
    entries: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @property
    def has_contexts(self) -> bool:
        return bool(self.entries["contexts"])


def _files(wanted: Wanted, environ: Mapping[str, str], home: Path) -> list[Path]:
    """Those that are read: a file that is given must be there, any other may be missing."""
    if wanted.kubeconfig is not None:
        if not wanted.kubeconfig.exists():
            raise NoAccess(f"there is no kubeconfig {wanted.kubeconfig}; {CURE}")
        return [wanted.kubeconfig]
    # Read now, and not when Python begins: a program may have set it since.
    listed = environ.get("KUBECONFIG", "")
    paths = [Path(one) for one in listed.split(os.pathsep) if one]
    paths = paths if listed else [home / ".kube" / "config"]
    return [path for path in paths if path.exists()]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = read_yaml(path.read_bytes())
    except OSError as error:
        raise NoAccess(f"cannot read the kubeconfig {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        # Its own words show the line, which may hold a token.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise NoAccess(f"the kubeconfig {path} is no YAML{where}") from None
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise NoAccess(f"the kubeconfig {path} is no mapping of clusters, users and contexts")
    return document


def _merged(files: Sequence[tuple[Path, Mapping[str, Any]]]) -> _Merged:
    """The first file to say something is right, as for kubectl."""
    entries: dict[str, dict[str, Mapping[str, Any]]] = {name: {} for name in _LISTS}
    current = ""
    for path, document in files:
        chosen = document.get("current-context")
        if chosen is not None:
            check_text(chosen, f"the kubeconfig {path}: current-context")
        current = current or chosen or ""
        for name, kind in _LISTS.items():
            known = entries[name]
            for entry, value in _entries(path, document, name, kind).items():
                known.setdefault(entry, value)
    return _Merged(current, entries)


def _entries(
    path: Path, document: Mapping[str, Any], name: str, kind: str
) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    items = [] if document.get(name) is None else document[name]
    if not isinstance(items, list):
        raise NoAccess(f"the kubeconfig {path}: {name} is no list")
    for item in items:
        entry = item.get("name") if isinstance(item, Mapping) else None
        if entry is None:
            raise NoAccess(f"the kubeconfig {path}: an entry of {name} has no name")
        check_text(entry, f"the kubeconfig {path}: the name of an entry of {name}")
        if entry in found:
            raise NoAccess(f"the kubeconfig {path}: {name} has {entry!r} twice")
        where = f"the kubeconfig {path}: the {kind} {entry!r}"
        value = {} if item.get(kind) is None else item[kind]
        if not isinstance(value, Mapping):
            raise NoAccess(f"{where} is no mapping")
        check_types(value, kind, where)
        found[entry] = _absolute(value, kind, path)
    return found


def _absolute(entry: Mapping[str, Any], kind: str, file: Path) -> Mapping[str, Any]:
    """The entry with paths as from anywhere: they are relative to the file that has them."""
    folder = file.absolute().parent
    found = {key: value for key, value in entry.items() if value is not None}
    for key in _PATHS[kind]:
        if found.get(key):
            found[key] = str(folder / found[key])
    plugin = found.get("exec") if kind == "user" else None
    if plugin is not None and "/" in (plugin.get("command") or ""):
        found["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return found


def _named(merged: _Merged, name: str, entry: str) -> Mapping[str, Any]:
    kind = _LISTS[name]
    found = merged.entries[name].get(entry)
    if found is None:
        known = ", ".join(sorted(merged.entries[name])) or "none"
        raise NoAccess(f"the kubeconfig has no {kind} {entry!r} (there: {known}); {CURE}")
    check_known(found, kind, f"the {kind} {entry!r} of the kubeconfig")
    return found


def _impersonation(wanted: Wanted) -> dict[str, Any]:
    """The flags, each in place of the field of its name."""
    extra: dict[str, list[str]] = {}
    for pair in wanted.as_user_extra:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise NoAccess(f"--as-user-extra {pair!r} is not KEY=VALUE")
        extra.setdefault(key, []).append(value)
    flags = {
        "as": wanted.as_user,
        "as-uid": wanted.as_uid,
        "as-groups": list(wanted.as_groups),
        "as-user-extra": extra,
    }
    return {name: value for name, value in flags.items() if value}
