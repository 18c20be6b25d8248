"""Where an S3 is and with whose keys: a client that only the manifest and its secret configure."""

from __future__ import annotations

import gzip
import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import JSONFileLoader, Loader

from rowmill.destinations.errors import DestinationRefused
from rowmill.version import VERSION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SERVICE = "s3"
DEFAULT_REGION = "us-east-1"
CONNECT_SECONDS = 10
READ_SECONDS = 60
MAX_CONNECTIONS = 32


@dataclass(frozen=True)
class S3Address:
    """An S3 and its credentials, asked for at each `connect` so that a rotated secret is seen.

    `endpoint` and `region` win over AWS_ENDPOINT_URL and AWS_REGION of the credentials; without any
    endpoint it is AWS. `ambient` leaves identity and region to the machine's own (environment,
    profile, instance role), and `credentials` is then not asked.
    """

    credentials: Callable[[], Mapping[str, str]] = field(repr=False)
    endpoint: str | None = None
    region: str | None = None
    ambient: bool = False

    def connect(self) -> S3Connection:
        """Make a client, without talking to the server yet.

        Raises:
            DestinationRefused: a key is missing, or the endpoint is no URL.
        """
        values = {} if self.ambient else self.credentials()
        endpoint = self.endpoint or values.get("AWS_ENDPOINT_URL") or None
        where = _displayed(endpoint) if endpoint else "AWS"
        _check_endpoint(endpoint, where)
        secrets = tuple(values.get(name) or "" for name in _SECRETS)
        if not self.ambient:
            _check_keys(secrets)
        region = self.region or values.get("AWS_REGION") or None
        try:
            client = (
                _ambient_client(endpoint, region)
                if self.ambient
                else _client(endpoint, region or DEFAULT_REGION, secrets)
            )
        except (BotoCoreError, ValueError) as error:
            raise DestinationRefused(
                "EndpointInvalid",
                f"no S3 client can be made for {where}: {hide(str(error), secrets)}",
            ) from None
        return S3Connection(client, where, tuple(filter(None, secrets)))

    def client(self) -> S3Client:
        """A bare client for readers that do their own retries."""
        return self.connect().client


@dataclass(frozen=True)
class S3Connection:
    """A client, its server's name for the reader, and the values that no text may show."""

    client: S3Client
    where: str
    secrets: tuple[str, ...] = field(repr=False)


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """The text without the secrets' values, should a server have echoed one."""
    # Keys shorter than any server takes as a secret would only tear words and names apart.
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


_SHORTEST_SECRET = 8
_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _client(endpoint: str | None, region: str, secrets: tuple[str, ...]) -> S3Client:
    # A stray profile, configuration file or AWS_* variable must neither lead to another server nor
    # lend its identity; explicit keys keep botocore from looking for any, instance roles included.
    isolated: dict[str, Any] = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    isolating: dict[str, Any] = {
        "ignore_configured_endpoint_urls": True,
        "use_dualstack_endpoint": False,
        "use_fips_endpoint": False,
        "defaults_mode": "legacy",
    }
    core = botocore.session.Session(session_vars=isolated)
    core.register_component("data_loader", _loader())
    key, secret, token = secrets
    client = core.create_client(
        _SERVICE,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
        config=_config(endpoint).merge(Config(**isolating)),
    )
    return cast("S3Client", client)


class _PlainJson(JSONFileLoader):
    """Reads objects as the dictionaries that they are, which takes half as long as ordered ones."""

    def load_file(self, file_path: str) -> Any:
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), opened(file_path + ending, "rb") as file:
                return json.load(file)
        return None


class _S3Loader(Loader):
    """Looks for one service, and not in the folders of all 400 to see whether it is among them."""

    FILE_LOADER_CLASS = _PlainJson

    def list_available_services(self, type_name: str) -> list[str]:
        return [_SERVICE]


@cache
def _loader() -> Loader:
    """The parsed descriptions of S3, kept: reading them is most of what a client costs."""
    return _S3Loader()


def read_descriptions() -> None:
    """Read what every client is made from, for all that are made later and in forks."""
    loader = _loader()
    for description in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model(_SERVICE, description)
    for description in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(description)


def _ambient_client(endpoint: str | None, region: str | None) -> S3Client:
    session = botocore.session.Session()
    # AWS_REGION is what cloud identities set; botocore itself reads only AWS_DEFAULT_REGION.
    configured = session.get_config_variable("region")
    known = region or configured or os.environ.get("AWS_REGION") or DEFAULT_REGION
    client = session.create_client(
        _SERVICE, endpoint_url=endpoint, region_name=known, config=_config(endpoint)
    )
    return cast("S3Client", client)


def _config(endpoint: str | None) -> Config:
    loopback = endpoint is not None and _is_loopback(endpoint)
    # TLS guards a body already, and on loopback nothing can change it: hashing it once more for the
    # signature would only cost processor time.
    guarded = loopback or endpoint is None or urlsplit(endpoint).scheme == "https"
    return Config(
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if endpoint else "auto",
            "payload_signing_enabled": not guarded,
        },
        # Only what every S3-compatible server takes: no trailing checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Else it is put together anew for each request, of what machine and libraries this is.
        user_agent=f"rowmill/{VERSION}",
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=MAX_CONNECTIONS,
        tcp_keepalive=True,
        proxies={} if loopback else None,
    )


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _displayed(endpoint: str) -> str:
    """The endpoint without a user and password, should somebody have put them in."""
    scheme, found, rest = endpoint.partition("://")
    if not found:
        return endpoint.rpartition("@")[2]
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _check_endpoint(endpoint: str | None, where: str) -> None:
    if endpoint is None:
        return
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in endpoint
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise DestinationRefused(
            "EndpointInvalid",
            f"{where!r} is no S3 endpoint; use a URL such as http://s3.example:8333, "
            "without user or password in it",
        )


def _check_keys(secrets: tuple[str, ...]) -> None:
    missing = [name for name, value in zip(_SECRETS[:2], secrets, strict=False) if not value]
    if missing:
        raise DestinationRefused(
            "CredentialsMissing",
            f"the S3 credentials lack {' and '.join(missing)}; the secret's file, or the "
            "environment without --secret, must hold AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
