"""Requests to an API server, each by whom the kubeconfig says and as whom it says."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import warnings
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from rowmill.kubectl.access import Access
from rowmill.kubectl.credential_plugin import Credential, run_plugin
from rowmill.terminal.failures import UsageError
from rowmill.version import VERSION

_UNAUTHORIZED = 401
_CONNECT_SECONDS = 20.0
# Each pod whose log is followed holds one.
_CONNECTIONS = 1_000


class Connection:
    """A way to one API server. `now` is its time when it answered last, None before."""

    def __init__(self, access: Access) -> None:
        self.server = access.server
        self.now: datetime | None = None
        self._access = access
        self._credential: Credential | None = None
        self._pool: urllib3.PoolManager | None = None

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        seconds: float | None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, its body still to be read; `seconds` bounds each wait for it.

        Raises:
            urllib3.exceptions.HTTPError: no answer.
            UsageError: the kubeconfig's credentials are no good.
        """
        response = self._send(method, path, query, body, seconds)
        if response.status == _UNAUTHORIZED and self._access.plugin is not None:
            # What it told before may be over by the server's reckoning.
            response.drain_conn()
            self._sign_in()
            response = self._send(method, path, query, body, seconds)
        return response

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        seconds: float | None,
    ) -> urllib3.BaseHTTPResponse:
        if self._access.plugin is not None and (
            self._credential is None or self._credential.expired
        ):
            self._sign_in()
        # Logs are followed by several threads, of which another may have signed in again.
        pool = self._pool
        if pool is None:
            pool = self._pool = _pool(self._access, self._credential)
        url = f"{self.server}{path}"
        response = pool.request(
            method,
            f"{url}?{urlencode(query)}" if query else url,
            headers=self._headers(body),
            body=body,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds),
            # Trouble is told at once, and no other place is given what is meant for this one.
            retries=False,
            redirect=False,
            preload_content=False,
        )
        self.now = _told(response.headers.get("Date")) or self.now
        return response

    def _sign_in(self) -> None:
        plugin = self._access.plugin or {}
        self._credential = run_plugin(plugin, self._access.cluster, os.environ)
        if self._credential.certificate is not None:
            self._pool = None

    def _headers(self, body: bytes | None) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict()
        headers["Accept"] = "application/json"
        headers["User-Agent"] = f"kubectl-rowmill/{VERSION}"
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        authorization = self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        for name, value in self._access.headers:
            # As bytes of UTF-8, which is how the API server reads them.
            headers.add(name, value.encode().decode("latin-1"))
        return headers

    def _authorization(self) -> str:
        access = self._access
        if access.basic is not None:
            return f"Basic {base64.b64encode(':'.join(access.basic).encode()).decode()}"
        token = access.token or (self._credential.token if self._credential else "")
        if access.token_file is not None:
            # Whoever keeps it writes a new one before the old is over.
            token = _token(access.token_file)
        return f"Bearer {token}" if token else ""


def _told(date: str | None) -> datetime | None:
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return told if told.tzinfo is not None else None


def _token(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise UsageError(f"cannot read the token file {file}: {error.strerror}") from None


def _pool(access: Access, credential: Credential | None) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": _CONNECTIONS}
    if access.server.startswith("https://"):
        options["ssl_context"] = _context(access, credential)
        if not access.verified:
            options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        if access.server_name is not None:
            options["server_hostname"] = access.server_name
    if access.proxy is None:
        return urllib3.PoolManager(**options)
    if access.proxy.startswith("socks5:"):
        return _socks(access.proxy, options)
    return urllib3.ProxyManager(access.proxy, **options)


def _socks(proxy: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError:
        raise UsageError(
            "the kubeconfig's proxy-url is a SOCKS proxy, which takes one more package: "
            "pip install pysocks"
        ) from None
    # The proxy looks the host up, as it does for kubectl.
    return SOCKSProxyManager(proxy.replace("socks5:", "socks5h:", 1), **options)


def _context(access: Access, credential: Credential | None) -> ssl.SSLContext:
    try:
        authority = access.authority.decode() if access.authority is not None else None
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(f"the kubeconfig's certificate-authority is no good: {error}") from None
    # Some clusters' certificates lack extensions that Python asks for since 3.13; whom they are of
    # and who signed them is checked all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not access.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = access.certificate or (credential.certificate if credential else None)
    if certificate is not None:
        _load(context, *certificate)
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Have Python read them from files, which it takes them from alone."""
    with tempfile.TemporaryDirectory(prefix="rowmill-") as folder:
        file = Path(folder) / "certificate.pem"
        file.touch(mode=0o600)
        file.write_bytes(certificate.rstrip() + b"\n" + key)
        try:
            # A key with a password is none for a program, and must not ask for it.
            context.load_cert_chain(file, password="")
        except (ssl.SSLError, ValueError) as error:
            told = getattr(error, "reason", None) or type(error).__name__
            raise UsageError(
                f"the client certificate and its key are no good: {told}; sign in again, as for "
                "kubectl"
            ) from None
