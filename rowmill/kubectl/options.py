"""The options that all commands share: which cluster and namespace, and as whom."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import typer

# By the field of `kubeconfig.Wanted`, which is imported when a command runs: help needs none of it.
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "namespace": (
        str | None,
        typer.Option(
            None,
            "-n",
            "--namespace",
            help="The namespace; by default the context's.",
            metavar="NS",
        ),
    ),
    "context": (
        str | None,
        typer.Option(None, "--context", help="The kubeconfig's context to use.", metavar="NAME"),
    ),
    "kubeconfig": (
        Path | None,
        typer.Option(
            None,
            "--kubeconfig",
            help="The kubeconfig; by default $KUBECONFIG, else ~/.kube/config.",
            metavar="FILE",
        ),
    ),
    "cluster": (
        str | None,
        typer.Option(None, "--cluster", help="The kubeconfig's cluster to use.", metavar="NAME"),
    ),
    "user": (
        str | None,
        typer.Option(None, "--user", help="The kubeconfig's user to use.", metavar="NAME"),
    ),
    "server": (
        str | None,
        typer.Option(None, "-s", "--server", help="The API server's address.", metavar="URL"),
    ),
    "as_user": (
        str | None,
        typer.Option(None, "--as", help="Act as this user, if you may.", metavar="USER"),
    ),
    "as_groups": (
        list[str] | None,
        typer.Option(
            None,
            "--as-group",
            help="With --as: act in this group; may be repeated.",
            metavar="GROUP",
        ),
    ),
    "as_uid": (
        str | None,
        typer.Option(None, "--as-uid", help="With --as: act with this UID.", metavar="UID"),
    ),
    "as_user_extra": (
        list[str] | None,
        typer.Option(
            None,
            "--as-user-extra",
            help="With --as: act with this extra value; may be repeated.",
            metavar="KEY=VALUE",
        ),
    ),
}


def with_cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options; its keyword `wanted` is what of them was given, by field."""
    hints = get_type_hints(command, include_extras=True)
    own = [
        one.replace(annotation=hints[name])
        for name, one in inspect.signature(command).parameters.items()
        if name != "wanted"
    ]
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option,
            annotation=kind,
        )
        for name, (kind, option) in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        given = {name: values.pop(name) for name in _OPTIONS}
        command(**values, wanted={name: value for name, value in given.items() if value})

    # What typer reads of a command.
    vars(called)["__signature__"] = inspect.Signature([*own, *shared])
    called.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    return called
