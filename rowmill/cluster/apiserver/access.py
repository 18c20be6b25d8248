"""How the API server is reached and as whom, by a kubeconfig's entries or a pod's account."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from rowmill.cluster.apiserver.kubeconfig import CURE, Chosen
from rowmill.cluster.apiserver.proxies import proxy_for
from rowmill.cluster.apiserver.tokens import checked_token
from rowmill.cluster.failures import NoAccess

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# What a header's name may hold beside letters and digits, as client-go has it: no "%".
_NAME_CHARACTERS = "!#$&'*+-.^_`|~"
_PROXIES = ("http", "https", "socks5")


@dataclass(frozen=True)
class Access:
    """A server, how to trust it and who asks. `headers` name whom the caller acts as.

    Of `token`, `token_file`, `basic` (user and password) and `plugin` (the fields of `exec`) at
    most one is set, and beside a `certificate` no plugin: kubectl would not run it. `certificate`
    is the client's, with its key, in PEM; `authority` is PEM too, None for the system's. `server`
    is no more than scheme, host, port and path; `proxy` may hold a password. `cluster` is what a
    plugin is told of the server.
    """

    server: str
    namespace: str
    authority: bytes | None = None
    verified: bool = True
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    basic: tuple[str, str] | None = field(default=None, repr=False)
    plugin: Mapping[str, Any] | None = field(default=None, repr=False)
    cluster: Mapping[str, Any] = field(default_factory=dict, repr=False)


def access_of(chosen: Chosen, environ: Mapping[str, str], account: Path = _ACCOUNT) -> Access:
    """The way that `chosen` leads; without a kubeconfig that of the pod that this runs in.

    Raises:
        NoAccess: a field or file is no good, or there is neither kubeconfig nor pod.
    """
    if not chosen.found:
        return _of_pod(chosen, environ, account)
    cluster, user = chosen.cluster, chosen.user
    authority = _content(cluster, "certificate-authority")
    certificate = _certificate(user)
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    if insecure and authority is not None:
        raise NoAccess(
            "the kubeconfig's cluster has insecure-skip-tls-verify and a certificate-authority; "
            "take one of them out"
        )
    tls = insecure or authority is not None or certificate is not None
    server = _server(_text(cluster, "server"), secure=tls)
    return Access(
        server=server,
        namespace=chosen.namespace or "default",
        authority=authority,
        verified=not insecure,
        server_name=_text(cluster, "tls-server-name") or None,
        proxy=_proxy(_text(cluster, "proxy-url"), "the kubeconfig's proxy-url")
        or _environs_proxy(server, environ),
        headers=impersonation(user),
        certificate=certificate,
        cluster=_cluster_for_plugin(cluster, server, authority),
        # Nothing secret goes in the clear, which kubectl sends nothing of either.
        **(_identity(user, certificate) if server.startswith("https://") else {}),
    )


def impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers by which the API server takes the caller for another.

    Raises:
        NoAccess: groups, a UID or extra fields without a user: the server would refuse them.
    """
    name = _text(user, "as")
    uid, groups = _text(user, "as-uid"), user.get("as-groups") or ()
    extra = user.get("as-user-extra") or {}
    if not name and (uid or groups or extra):
        raise NoAccess(
            "who is acted as? as-uid, as-groups and as-user-extra need `as` in the kubeconfig, "
            "or --as USER"
        )
    found = [("Impersonate-User", name)] if name else []
    found += [("Impersonate-Uid", uid)] if uid else []
    found += [("Impersonate-Group", _one_line(group, "as-groups")) for group in groups]
    for key, values in extra.items():
        header = f"Impersonate-Extra-{quote(key, safe=_NAME_CHARACTERS)}"
        found += [(header, _one_line(value, "as-user-extra")) for value in values]
    return tuple(found)


def _of_pod(chosen: Chosen, environ: Mapping[str, str], account: Path) -> Access:
    host, port = (environ.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    token = account / "token"
    if not (host and port and token.exists()):
        raise NoAccess(f"there is no kubeconfig, and this is no pod of a cluster; {CURE}")
    host = f"[{host}]" if ":" in host else host
    named = account / "namespace"
    own = named.read_text("utf-8").strip() if named.exists() else ""
    server = f"https://{host}:{port}"
    return Access(
        server=server,
        namespace=chosen.namespace or own or "default",
        authority=_file(account / "ca.crt"),
        proxy=_environs_proxy(server, environ),
        headers=impersonation(chosen.user),
        token_file=token,
    )


def _identity(user: Mapping[str, Any], certificate: tuple[bytes, bytes] | None) -> dict[str, Any]:
    token, name = user.get("token") or "", _text(user, "username")
    file = _text(user, "tokenFile")
    if (token or file) and name:
        raise NoAccess("the kubeconfig's user has a token and a username; take one of them out")
    # The file may be newer than what stands beside it.
    if file:
        return {"token_file": Path(file)}
    if token:
        return {"token": checked_token(token, "the token of the kubeconfig's user")}
    if name:
        return {"basic": (name, user.get("password") or "")}
    plugin = user.get("exec")
    return {"plugin": plugin} if plugin and certificate is None else {}


def _certificate(user: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
    certificate, key = _content(user, "client-certificate"), _content(user, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise NoAccess("the kubeconfig's user needs client-certificate and client-key together")
    return certificate, key


def _content(entry: Mapping[str, Any], name: str) -> bytes | None:
    """The data beside a file of this name, else the file's content."""
    data, path = entry.get(f"{name}-data"), _text(entry, name)
    if data:
        try:
            # Go passes over line breaks, and over nothing else.
            return base64.b64decode(data.replace("\r", "").replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            raise NoAccess(f"the kubeconfig's {name}-data is no base64") from None
    return _file(Path(path)) if path else None


def _file(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}, which the kubeconfig names: {error.strerror}"
        raise NoAccess(message) from None
    if not content.strip():
        # No authority would be the system's.
        raise NoAccess(f"{path}, which the kubeconfig names, is empty")
    return content


def _text(entry: Mapping[str, Any], name: str) -> str:
    return _one_line((entry.get(name) or "").strip(), name)


def _one_line(text: str, name: str) -> str:
    if not text.isprintable():
        # It would end a header, and begin one of its own.
        raise NoAccess(f"{name} has line breaks or the like in it")
    return text


def _server(text: str, *, secure: bool) -> str:
    if not text:
        raise NoAccess(f"the kubeconfig names no cluster with a server; {CURE}, or --server URL")
    server = text if "://" in text else f"{'https' if secure else 'http'}://{text}"
    # A URL that is no good may hold a password, and so is not shown; one that is good is shown, and
    # so must hold none.
    parts = _parts(server)
    if parts is None or parts.scheme not in ("http", "https"):
        raise NoAccess("the server, of the kubeconfig or --server, is no http or https URL")
    if parts.auth is not None:
        raise NoAccess(
            "the server, of the kubeconfig or --server, has a user in its URL; give the "
            "kubeconfig's user a username and password in place of that"
        )
    if parts.query or parts.fragment:
        raise NoAccess(
            "the server, of the kubeconfig or --server, has more than scheme, host, port and "
            "path; take out what begins with '?' or '#'"
        )
    return parts.url.rstrip("/")


def _parts(url: str) -> Url | None:
    """As the client of HTTP takes it apart, whose errors show it; None of what has no host."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None
    return parts if parts.host else None


def _environs_proxy(server: str, environ: Mapping[str, str]) -> str | None:
    return _proxy(
        proxy_for(server, environ) or "", "the environment's proxy (HTTPS_PROXY or HTTP_PROXY)"
    )


def _proxy(text: str, whose: str) -> str | None:
    if not text:
        return None
    parts = _parts(text)
    if parts is None or parts.scheme not in _PROXIES:
        # The URL may hold a password.
        raise NoAccess(f"{whose} is no URL of {', '.join(_PROXIES)}")
    return parts.url


def _cluster_for_plugin(
    cluster: Mapping[str, Any], server: str, authority: bytes | None
) -> dict[str, Any]:
    """The cluster, as a plugin that asks for it is told, with the data of its files."""
    kept = ("tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    document: dict[str, Any] = {"server": server}
    document |= {name: cluster[name] for name in kept if name in cluster}
    if authority is not None:
        document["certificate-authority-data"] = base64.b64encode(authority).decode()
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == "client.authentication.k8s.io/exec":
            document["config"] = extension.get("extension")
    return document
