"""The fields of a kubeconfig and their types, which kubectl holds every entry of a file to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rowmill.cluster.failures import NoAccess

# Looks at a value, and raises NoAccess with the words of where it stands.
Check = Callable[[object, str], None]

REFUSED = {
    "auth-provider": "use a credential plugin (`exec`), such as kubelogin for OIDC",
}


def check_text(value: object, where: str) -> None:
    """Let only text pass.

    Raises:
        NoAccess: `where` is something else; the value is not shown.
    """
    if not isinstance(value, str):
        plain = not isinstance(value, Mapping | list)
        cure = "; put it in quotes" if plain and value is not None else ""
        raise NoAccess(f"{where} is {_called(value)}, and must be text{cure}")


def check_types(entry: Mapping[Any, Any], kind: str, where: str) -> None:
    """Hold a cluster, user, context or exec to the types of the fields that are known of it.

    Raises:
        NoAccess: a field is of another type than kubectl takes; its value is not shown.
    """
    for name, value in entry.items():
        check = FIELDS[kind].get(name)
        if check is not None and value is not None:
            check(value, f"{where}: {name}")


def check_known(entry: Mapping[Any, Any], kind: str, where: str) -> None:
    """Refuse by name what Rowmill does not take.

    Raises:
        NoAccess: there is such a field.
    """
    for name in entry:
        if name in REFUSED:
            raise NoAccess(f"{where} has {name!r}, which Rowmill lacks; {REFUSED[name]}")
        if name not in FIELDS[kind]:
            raise NoAccess(
                f"{where} has {name!r}, which Rowmill does not know and so does not "
                "pass over; take it out, or use another entry"
            )
    if "exec" in entry:
        check_known(entry["exec"], "exec", f"{where}: exec")


def _called(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "binary" if isinstance(value, bytes) else "a number"


def _flag(value: object, where: str) -> None:
    if not isinstance(value, bool):
        raise NoAccess(f"{where} is neither true nor false")


def _items(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise NoAccess(f"{where} is {_text_or(value)}, and must be a list")
    return value


def _mapping(value: object, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise NoAccess(f"{where} is {_text_or(value)}, and must be a mapping")
    return value


def _text_or(value: object) -> str:
    return "text" if isinstance(value, str) else _called(value)


def _texts(value: object, where: str) -> None:
    for number, item in enumerate(_items(value, where)):
        check_text(item, f"{where}[{number}]")


def _lists_of_text(value: object, where: str) -> None:
    for key, items in _mapping(value, where).items():
        check_text(key, f"a key of {where}")
        _texts(items, f"{where}.{key}")


def _variables(value: object, where: str) -> None:
    """A variable without a value is empty, as for kubectl."""
    for number, item in enumerate(_items(value, where)):
        variable = _mapping(item, f"{where}[{number}]")
        check_text(variable.get("name"), f"{where}[{number}].name")
        if variable.get("value") is not None:
            check_text(variable["value"], f"{where}[{number}].value")


def _extensions(value: object, where: str) -> None:
    for number, item in enumerate(_items(value, where)):
        check_text(_mapping(item, f"{where}[{number}]").get("name", ""), f"{where}[{number}].name")


def _exec(value: object, where: str) -> None:
    plugin = _mapping(value, where)
    command = plugin.get("command")
    named = f" (the credential plugin {command!r})" if isinstance(command, str) else ""
    check_types(plugin, "exec", where + named)


# All that kubectl 1.36 knows. What is not here is refused by name, as are the fields of REFUSED:
# to act without one of them may be to act as somebody else.
FIELDS: Mapping[str, Mapping[str, Check]] = {
    "cluster": {
        "server": check_text,
        "tls-server-name": check_text,
        "insecure-skip-tls-verify": _flag,
        "proxy-url": check_text,
        "certificate-authority": check_text,
        "certificate-authority-data": check_text,
        # Answers are never asked for compressed.
        "disable-compression": _flag,
        "extensions": _extensions,
    },
    "user": {
        "client-certificate": check_text,
        "client-certificate-data": check_text,
        "client-key": check_text,
        "client-key-data": check_text,
        "token": check_text,
        "tokenFile": check_text,
        "username": check_text,
        "password": check_text,
        "exec": _exec,
        "as": check_text,
        "as-uid": check_text,
        "as-groups": _texts,
        "as-user-extra": _lists_of_text,
        "extensions": _extensions,
    },
    "context": {
        "cluster": check_text,
        "user": check_text,
        "namespace": check_text,
        "extensions": _extensions,
    },
    "exec": {
        "command": check_text,
        "args": _texts,
        "env": _variables,
        "apiVersion": check_text,
        "installHint": check_text,
        "provideClusterInfo": _flag,
        "interactiveMode": check_text,
    },
}
