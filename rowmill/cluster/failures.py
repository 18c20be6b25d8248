"""What can go wrong on the way to an API server."""

from __future__ import annotations

from rowmill.errors import Invalid, Refused, Unavailable


class NoAccess(Invalid):
    """The kubeconfig, what it names, or what is wanted of it, gives no access to a cluster."""

    def __init__(self, message: str) -> None:
        super().__init__("KubeconfigInvalid", message)


class ApiRefused(Refused):
    """The API server refuses: who asks, what is asked for, or the kind is not known to it."""


class ApiUnreachable(Unavailable):
    """The API server does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__("ApiUnreachable", message)
