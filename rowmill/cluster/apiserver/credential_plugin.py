"""Credential plugins (`exec` in a kubeconfig): a program that signs in and tells how to go on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rowmill.cluster.apiserver.tokens import checked_token
from rowmill.cluster.failures import NoAccess

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_PAIR = ("clientCertificateData", "clientKeyData")
_MODES = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True)
class Credential:
    """What a plugin told: a token, or a certificate with its key in PEM, or all of them."""

    token: str = field(default="", repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    expires: datetime | None = None

    @property
    def expired(self) -> bool:
        """Whether it is over by this machine's clock, by which its plugin has set its end."""
        return self.expires is not None and self.expires <= datetime.now(UTC)


def run_plugin(
    plugin: Mapping[str, Any], cluster: Mapping[str, Any], environ: Mapping[str, str]
) -> Credential:
    """Run the plugin and read its answer.

    Raises:
        NoAccess: it cannot be run, fails, or answers something else; nothing of what it printed
            is shown.
    """
    command, version = plugin.get("command") or "", plugin.get("apiVersion") or ""
    if not command or version not in _VERSIONS:
        raise NoAccess(
            f"the kubeconfig's credential plugin {command!r} needs a command and one of the "
            f"apiVersions {', '.join(_VERSIONS)}"
        )
    interactive = _interactive(plugin, command, version)
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = dict(cluster)
    asked = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    done = _ended(plugin, environ, asked, interactive)
    if done.returncode != 0:
        raise NoAccess(
            f"the kubeconfig's credential plugin {command!r} ended with exit code "
            f"{done.returncode}; sign in again, as for kubectl"
        )
    return _read(done.stdout, command, version)


def _ended(
    plugin: Mapping[str, Any], environ: Mapping[str, str], asked: str, interactive: bool
) -> subprocess.CompletedProcess[bytes]:
    """The plugin's end; raises NoAccess if it cannot be run."""
    command = plugin["command"]
    given = {one["name"]: one.get("value") or "" for one in plugin.get("env") or ()}
    try:
        return subprocess.run(
            [command, *(plugin.get("args") or ())],
            env={**environ, **given, "KUBERNETES_EXEC_INFO": asked},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
    except (OSError, ValueError) as error:
        hint = (plugin.get("installHint") or "").strip()
        # Its own words on an argument or a variable that no program can be given may show it.
        why = error.strerror if isinstance(error, OSError) else "its args or env are no good"
        text = f"the kubeconfig's credential plugin {command!r} cannot be run: {why}"
        raise NoAccess("; ".join(filter(None, (text, hint)))) from None


def _interactive(plugin: Mapping[str, Any], command: str, version: str) -> bool:
    """Whether it may ask on the terminal."""
    mode = plugin.get("interactiveMode") or ("" if version == _VERSIONS[0] else "IfAvailable")
    if mode not in _MODES:
        raise NoAccess(
            f"the kubeconfig's credential plugin {command!r} needs an interactiveMode: "
            f"{', '.join(_MODES)}"
        )
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise NoAccess(
            f"the kubeconfig's credential plugin {command!r} asks on the terminal, and standard "
            "input is none"
        )
    return terminal and mode != "Never"


def _read(output: bytes, command: str, version: str) -> Credential:
    plugin = f"the kubeconfig's credential plugin {command!r}"
    wrong = NoAccess(
        f"{plugin} answers no ExecCredential of {version} with a token, or with "
        "clientCertificateData and clientKeyData"
    )
    try:
        document = json.loads(output)
        status = document["status"]
        token = _text(status, "token")
        certificate, key = (_text(status, name).encode() for name in _PAIR)
        ends = status.get("expirationTimestamp")
        kind = (document["kind"], document["apiVersion"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise wrong from None
    whole = bool(token or certificate) and bool(certificate) == bool(key)
    if kind != ("ExecCredential", version) or not whole:
        raise wrong
    return Credential(
        checked_token(token, f"the token that {plugin} answers"),
        (certificate, key) if certificate else None,
        _end(ends, plugin),
    )


def _text(status: Mapping[str, Any], name: str) -> str:
    value = status.get(name)
    if not isinstance(value, str | None):
        raise TypeError
    return value or ""


def _end(text: object, plugin: str) -> datetime | None:
    """When a credential is over; without a zone nobody knows."""
    if text is None:
        return None
    try:
        end = datetime.fromisoformat(str(text))
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise NoAccess(
            f"{plugin} answers an expirationTimestamp that is no time with a zone, such as "
            "2026-01-01T00:00:00Z"
        )
    return end
