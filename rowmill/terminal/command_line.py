"""Command lines whose help says of flags and arguments what a reader can type, and no types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from rowmill.terminal.output import Output

# The base of all that typer refuses of a command line, which it does not export.
_Refusal: Any = typer.BadParameter.__mro__[1]
_USAGE = 2
# An option of `-o` that is one word with its value.
_OUTPUT = re.compile(r"(?:-o|--output=)(?P<form>.+)")
# A negative value, or a comment of SQL, that was taken for an option.
_VALUE = re.compile(r"-[0-9.]|-- ")
# What typer's messages have of the library by which it reads values.
_FROM_WITHIN = (
    (re.compile(r"Value error, "), ""),
    (re.compile(r"Input should be ([^,]*)(, unable to parse.*)?"), r"give \1"),
    (re.compile(r"greater than or equal to"), "at least"),
    (re.compile(r"less than or equal to"), "at most"),
)
# What other tools call what the commands do; a likeness of letters alone would tell who types
# `restart` to `reset`.
_MEANT = {
    "restart": ("rerun",),
    "start": ("run", "rerun"),
    "stop": ("suspend", "abort"),
    "pause": ("suspend",),
    "continue": ("resume",),
    "cancel": ("abort",),
    "kill": ("abort",),
    "list": ("status",),
    "ls": ("status",),
    "ps": ("status",),
}
# Where a context keeps it.
_AS_JSON = "rowmill.terminal.as_json"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class SharedOptions:
    """Options that commands share, of which something else is made for what the commands do.

    `options` are their annotations by name; what was given of them goes to `maker`, a place such as
    `rowmill.kubectl.engine:chosen`, with the commands' own parameters that `takes` names. What it
    returns, by name, is what a command takes in their place.
    """

    maker: str
    options: Mapping[str, Any]
    takes: tuple[str, ...] = ()


class App(typer.Typer):
    """A typer application, whose commands `terminal.command` declares.

    `translations` is the place of what it says of errors, as `terminal.failures` takes it;
    `targets` are the places of what its commands do, by their names, `shared_by` the options that
    each shares with others. `name` is what is typed, `elsewhere` what serves in place of commands
    that it has not; `completes` whether a shell can complete it.
    """

    def __init__(
        self,
        name: str,
        purpose: str,
        translations: str,
        shared: SharedOptions | None = None,
        *,
        elsewhere: Mapping[str, str] | None = None,
        completes: bool = True,
    ) -> None:
        self.translations = translations
        self.shared = shared
        self.targets: dict[str, str] = {}
        self.shared_by: dict[str, SharedOptions | None] = {}
        super().__init__(
            name=name,
            help=purpose,
            cls=_Group,
            no_args_is_help=True,
            pretty_exceptions_enable=False,
            add_completion=completes,
            context_settings={"help_option_names": ["-h", "--help"], "obj": elsewhere or {}},
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
    def make_context(self, info_name: Any, args: list[str], *more: Any, **settings: Any) -> Any:
        # They are used up as they are read.
        as_json = _asks_for_json(args)
        # The name of the process may be another than is typed.
        name = self.name or info_name
        with _reported_plainly(as_json=as_json):
            ctx = super().make_context(name, args, *more, **settings)
        ctx.meta[_AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: Any) -> Any:
        with _reported_plainly(as_json=ctx.meta[_AS_JSON]):
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except _Refusal:
            if args[0] in ctx.obj:
                ctx.fail(f"No such command '{args[0]}' here: {ctx.obj[args[0]]}")
            meant = [f"'{name}'" for name in _MEANT.get(args[0], ()) if name in self.commands]
            if meant:
                ctx.fail(f"No such command '{args[0]}'. Did you mean {', '.join(meant)}?")
            raise

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def _asks_for_json(words: Sequence[str]) -> bool:
    """Whether the words of a command line, which may be wrong, ask for JSON."""
    form = ""
    for word, following in pairwise([*words, ""]):
        if word == "--":
            break
        if word in ("-o", "--output"):
            form = following
        elif found := _OUTPUT.fullmatch(word):
            form = found["form"]
    return form == Output.JSON


@contextmanager
def _reported_plainly(*, as_json: bool) -> Iterator[None]:
    """Tell what is wrong with a command line as every other error is told."""
    try:
        yield
    except _Refusal as error:
        message = refusal(error.format_message(), getattr(error, "option_name", ""))
        if not message:
            # Without any command the help was shown instead.
            raise typer.Exit(_USAGE) from None
        from rowmill.terminal.failures import UsageError, ending

        path = error.ctx.command_path if error.ctx is not None else ""
        if message.startswith("no such option") and hasattr(error.ctx.command, "commands"):
            message += "; the options of a command go behind its name"
        with ending({}, as_json=as_json):
            raise UsageError(message + (f"; see: {path} --help" if path else "")) from None


def refusal(message: str, option: str) -> str:
    """A message of typer's in the words of a command line; `option` is what it took for one."""
    for pattern, words in _FROM_WITHIN:
        message = pattern.sub(words, message)
    message = message.strip().removesuffix(".")
    if _VALUE.match(option):
        message += "; put -- before a value that begins with -, such as: -- -1"
    return message[:1].lower() + message[1:]


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
