"""Requests to an API server, each by whom the kubeconfig says and as whom it says."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import urllib3

from rowmill.cluster.apiserver.access import Access
from rowmill.cluster.apiserver.credential_plugin import Credential, run_plugin
from rowmill.cluster.apiserver.tokens import checked_token
from rowmill.cluster.failures import NoAccess
from rowmill.http_dates import server_time
from rowmill.version import VERSION

# What is sent to change an object, and to have one as a manifest says.
MERGE_PATCH, APPLY_PATCH = "application/merge-patch+json", "application/apply-patch+yaml"
JSON = "application/json"
_UNAUTHORIZED = 401
_CONNECT_SECONDS = 20.0
# Each pod whose log is followed holds one.
_CONNECTIONS = 1_000


@dataclass(frozen=True)
class _Session:
    """What a plugin told, if there is one, and the connections that hold by it."""

    credential: Credential | None
    pool: urllib3.HTTPConnectionPool

    @property
    def over(self) -> bool:
        return self.credential is not None and self.credential.expired


class Connection:
    """A way to one API server. `now` is its time when it answered last, None before."""

    def __init__(self, access: Access) -> None:
        self.server = access.server
        self.now: datetime | None = None
        self._access = access
        self._session: _Session | None = None
        # Logs are followed by several threads, and one login is enough for all.
        self._signing_in = Lock()

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        seconds: float | None,
        content: str = MERGE_PATCH,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its body still to be read; `seconds` bounds each wait for it.

        `content` is the type of the body that is sent.

        Raises:
            urllib3.exceptions.HTTPError: no answer.
            NoAccess: the kubeconfig's credentials are no good.
        """
        target = f"{_base(self._access)}{path}"
        target = f"{target}?{urlencode(query)}" if query else target
        session = self._signed_in()
        response = self._send(session, method, target, body, seconds, content)
        if response.status == _UNAUTHORIZED and self._access.plugin is not None:
            # What it told before may be over by the server's reckoning.
            response.drain_conn()
            session = self._signed_in(refused=session)
            response = self._send(session, method, target, body, seconds, content)
        return response

    def _send(
        self,
        session: _Session,
        method: str,
        target: str,
        body: bytes | None,
        seconds: float | None,
        content: str,
    ) -> urllib3.BaseHTTPResponse:
        response = session.pool.urlopen(
            method,
            target,
            headers=self._headers(session.credential, content if body is not None else None),
            body=body,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds),
            # Trouble is told at once, and no other place is given what is meant for this one.
            retries=False,
            assert_same_host=False,
            preload_content=False,
        )
        self.now = server_time(response.headers.get("Date")) or self.now
        return response

    def _signed_in(self, refused: _Session | None = None) -> _Session:
        """What holds now, which is anything but what the server has `refused`."""
        with self._signing_in:
            held = self._session
            if held is None or held is refused or held.over:
                held = self._session = self._sign_in(held)
            return held

    def _sign_in(self, before: _Session | None) -> _Session:
        access = self._access
        credential = None
        if access.plugin is not None:
            credential = run_plugin(access.plugin, access.cluster, os.environ)
        if before is None or (credential is not None and credential.certificate is not None):
            return _Session(credential, _pool(access, credential))
        return _Session(credential, before.pool)

    def _headers(
        self, credential: Credential | None, content: str | None
    ) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict()
        headers["Accept"] = JSON
        headers["User-Agent"] = f"rowmill/{VERSION}"
        if content is not None:
            headers["Content-Type"] = content
        authorization = _authorization(self._access, credential)
        if authorization:
            headers["Authorization"] = authorization
        for name, value in self._access.headers:
            # As bytes of UTF-8, which is how the API server reads them.
            headers.add(name, value.encode().decode("latin-1"))
        return headers


def _authorization(access: Access, credential: Credential | None) -> str:
    if access.basic is not None:
        return _basic(*access.basic)
    token = access.token or (credential.token if credential is not None else "")
    if access.token_file is not None:
        # Whoever keeps it writes a new one before the old is over.
        token = _token(access.token_file)
    return f"Bearer {token}" if token else ""


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _token(file: Path) -> str:
    try:
        text = file.read_bytes().decode("latin-1")
    except OSError as error:
        raise NoAccess(f"cannot read the token file {file}: {error.strerror}") from None
    token = checked_token(text, f"what is in the token file {file}")
    if not token:
        # Without one the server would take the caller for anybody.
        raise NoAccess(f"the token file {file} is empty; sign in again, as for kubectl")
    return token


def _base(access: Access) -> str:
    """What stands before a path: a proxy is asked for the whole address where it can read along."""
    asks_proxy = access.proxy is not None and not access.proxy.startswith("socks5:")
    if asks_proxy and access.server.startswith("http://"):
        return access.server
    return urlsplit(access.server).path


def _pool(access: Access, credential: Credential | None) -> urllib3.HTTPConnectionPool:
    """Connections to the server alone.

    A manager of pools would join the headers of one name on their way to a proxy.
    """
    options: dict[str, Any] = {"maxsize": _CONNECTIONS}
    if access.server.startswith("https://"):
        options["ssl_context"] = _context(access, credential)
        if not access.verified:
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        if access.server_name is not None:
            options["server_hostname"] = access.server_name
    return _manager(access.proxy, options).connection_from_url(access.server)


def _manager(proxy: str | None, options: Mapping[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.startswith("socks5:"):
        return _socks(proxy, options)
    parts = urlsplit(proxy)
    headers = {}
    if parts.username is not None:
        pair = (unquote(part or "") for part in (parts.username, parts.password))
        headers["Proxy-Authorization"] = _basic(*pair)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _socks(proxy: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError:
        raise NoAccess(
            "the proxy, of the kubeconfig or the environment, is a SOCKS proxy, which takes one "
            "more package: pip install pysocks"
        ) from None
    # The proxy looks the host up, as it does for kubectl.
    return SOCKSProxyManager(proxy.replace("socks5:", "socks5h:", 1), **options)


def _context(access: Access, credential: Credential | None) -> ssl.SSLContext:
    try:
        authority = access.authority.decode() if access.authority is not None else None
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise NoAccess(f"the kubeconfig's certificate-authority is no good: {error}") from None
    # Some clusters' certificates lack extensions that Python asks for since 3.13; whom they are of
    # and who signed them is checked all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # An authority that another has signed is trusted by itself, which Python has done since 3.13.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not access.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = access.certificate or (credential.certificate if credential else None)
    if certificate is not None:
        _load(context, *certificate)
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Have Python read them from files, which it takes them from alone; the folder is private."""
    with tempfile.TemporaryDirectory(prefix="rowmill-") as folder:
        file = Path(folder) / "certificate.pem"
        file.write_bytes(certificate.rstrip() + b"\n" + key)
        try:
            # A key with a password is none for a program, and must not ask for it.
            context.load_cert_chain(file, password="")
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise NoAccess(
                f"the client certificate and its key are no good: {reason}; sign in again, as for "
                "kubectl"
            ) from None
