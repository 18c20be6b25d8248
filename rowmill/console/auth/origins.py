"""Whether a call comes from this console's own page, from a script, or from another site's page.

Pure: a browser tells by `Origin` and `Sec-Fetch-Site` whose page calls, and by `Host` under which
name the console was reached. A page of another site can have the browser call us, with our cookie
or with a proxy's own header, but it cannot change these three.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_LOOPBACK = ("localhost",)
# `none` is what somebody typed, or followed from outside a browser.
_OWN = ("same-origin", "none")


@dataclass(frozen=True)
class Reach:
    """Under which names the console is reached, beside the loopback ones, and by which scheme.

    `scheme` None means either: `proxied` by what may speak another than the console hears.
    """

    hosts: Collection[str] = ()
    scheme: str | None = "http"

    @property
    def proxied(self) -> bool:
        """Whether a proxy stands in front of it, which may add headers of its own to any call."""
        return self.scheme is None


def wrong_host(host: str | None, reach: Reach) -> str | None:
    """Why a call under this `Host` is refused: None if it is one of ours.

    A name that somebody has made lead to a loopback address would make his page ours.
    """
    if host is None:
        return "the call has no Host header"
    name = host_name(host)
    if name in reach.hosts or is_loopback(name):
        return None
    return (
        f"the console is not known as {name!r}; call it by a loopback name, or add that one "
        "with --allow-host, or --behind-proxy if a proxy has it"
    )


def foreign_page(headers: Mapping[str, str], reach: Reach) -> str | None:
    """Why a call that a page of another origin sent is refused; None of our page or a script."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in _OWN:
        return f"a page of another site called (Sec-Fetch-Site: {site})"
    origin = headers.get("origin")
    if origin is None:
        return None
    scheme, _, host = origin.partition("://")
    if host != headers.get("host") or (reach.scheme is not None and scheme != reach.scheme):
        return f"a page of another origin called ({origin})"
    return None


def is_browser(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent the call: each that is still kept current says where it is from."""
    return "sec-fetch-site" in headers or "origin" in headers


def is_loopback(name: str) -> bool:
    """Whether a name or an address, as in `Host` without its port, is of this machine alone."""
    if name.lower().rstrip(".") in _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """A `Host` without its port, as `plain_name`."""
    name, colon, port = host.rpartition(":")
    # The colons of an address that stands alone, without brackets, part no port off.
    alone = host.count(":") > 1 and not host.startswith("[")
    return plain_name(name if colon and port.isdigit() and not alone else host)


def plain_name(host: str) -> str:
    """A name or an address in one form: small letters, no brackets, no dot at its end."""
    return host.lower().strip("[]").rstrip(".")
