"""Command lines whose help says of flags and arguments what a reader can type, and no types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

_Function = TypeVar("_Function", bound=Callable[..., Any])


class App(typer.Typer):
    """A typer application; all that its commands raise is for their own `reporting`."""

    def __init__(self, name: str, purpose: str) -> None:
        super().__init__(
            name=name,
            help=purpose,
            cls=_Group,
            no_args_is_help=True,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_Function], _Function]:
        """As typer's. An argument is shown in the usage as its metavar is written."""
        return super().command(name, cls=_Command, **settings)


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [each.metavar for each in self.get_params(ctx) if _is_argument(each)]
        return ["[OPTIONS]", *arguments]


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _without_types(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        if _is_argument(each):
            each.display_type_rich = _nothing
        elif each.is_bool_flag and each.metavar is None:
            # Else <bool> stands where a value would have to follow.
            each.metavar = ""
    return parameters


def _nothing(ctx: Any) -> None:
    return None
