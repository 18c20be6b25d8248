"""Which proxy of the environment leads to a server, by the rules of Go and so of kubectl."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def proxy_for(server: str, environ: Mapping[str, str]) -> str | None:
    """HTTPS_PROXY or HTTP_PROXY by the server's scheme; None for this machine and NO_PROXY."""
    parts = urlsplit(server)
    host = (parts.hostname or "").rstrip(".")
    proxy = _either(environ, f"{parts.scheme}_proxy")
    if not proxy or _is_local(host):
        return None
    port = parts.port or _PORTS[parts.scheme]
    excepted = _either(environ, "no_proxy").split(",")
    if any(_matches(rule.strip().lower(), host, port) for rule in excepted):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name.upper()) or environ.get(name) or ""


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _matches(rule: str, host: str, port: int) -> bool:
    if rule == "*":
        return True
    address = _address(host)
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    rule, _, only = _split(rule)
    if not rule or (only and only != str(port)):
        return False
    if address is not None:
        return _address(rule) == address
    return host == rule or host.endswith(f".{rule.removeprefix('*').removeprefix('.')}")


def _split(rule: str) -> tuple[str, str, str]:
    """A rule's host and its port, "" without one."""
    if _address(rule) is not None:
        return rule, "", ""
    host, colon, port = rule.rpartition(":")
    return (host.strip("[]"), colon, port) if colon and port.isdecimal() else (rule, "", "")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
