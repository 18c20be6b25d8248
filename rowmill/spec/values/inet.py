"""inet: addresses in the form in which Postgres prints them."""

from __future__ import annotations

import ipaddress

from rowmill.spec.paths import shown


def canonical_inet(text: str) -> str:
    """An IPv4 or IPv6 address, with its prefix length unless that is the whole address.

    `192.168.0.1/32` is `192.168.0.1`; `2001:DB8:0:0::1/64` is `2001:db8::1/64`. Addresses in the
    ranges of IPv4-mapped and IPv4-compatible ones end in dotted digits (`::ffff:1.2.3.4`).

    Raises:
        ValueError: it is no address.
    """
    # Python also reads netmasks and zones, Postgres doesn't.
    address, slash, prefix = text.partition("/")
    if slash and not (prefix.isascii() and prefix.isdecimal() and len(prefix) <= 3):
        raise _wrong(text)
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        raise _wrong(text) from None
    if isinstance(host, ipaddress.IPv6Address) and host.scope_id is not None:
        raise _wrong(text)
    bits = int(prefix) if slash else host.max_prefixlen
    if bits > host.max_prefixlen:
        raise _wrong(text)
    shown = str(host) if isinstance(host, ipaddress.IPv4Address) else _ipv6(host)
    return shown if bits == host.max_prefixlen else f"{shown}/{bits}"


def _ipv6(host: ipaddress.IPv6Address) -> str:
    """As BIND's inet_net_ntop, which Postgres uses: the first longest run of zeros is `::`."""
    words = [int.from_bytes(host.packed[i : i + 2], "big") for i in range(0, 16, 2)]
    start, length = _longest_zeros(words)
    parts: list[str] = []
    place = 0
    while place < 8:
        if length > 1 and place == start:
            parts.append("" if parts else ":")
            place += length
            if place == 8:
                parts.append("")
            continue
        mapped = length == 5 and words[5] == 0xFFFF
        if place == 6 and start == 0 and (length == 6 or mapped):
            parts.append(".".join(str(byte) for byte in host.packed[12:]))
            break
        parts.append(f"{words[place]:x}")
        place += 1
    return ":".join(parts) if length != 8 else "::"


def _longest_zeros(words: list[int]) -> tuple[int, int]:
    best = (0, 0)
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and words[end] == 0:
            end += 1
        if end - start > best[1]:
            best = (start, end - start)
        start = max(end, start + 1)
    return best


def _wrong(text: str) -> ValueError:
    return ValueError(
        f"{shown(text)} is no inet; expected an address such as 192.168.0.1, 10.0.0.0/8 or ::1"
    )
