"""What can be sent as a bearer token."""

from __future__ import annotations

from rowmill.cluster.failures import NoAccess


def checked_token(text: str, whose: str) -> str:
    """The token without the space around it.

    Raises:
        NoAccess: a header cannot hold it. `whose` says where it is from; it is not shown, as it
            would be by the client of HTTP.
    """
    token = text.strip()
    if not (token.isascii() and token.isprintable()):
        raise NoAccess(
            f"{whose} is not one line of ASCII, and cannot be sent as a token; sign in again, as "
            "for kubectl"
        )
    return token
