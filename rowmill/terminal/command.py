"""How a command is declared: its options and help; what it does is imported when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar, get_type_hints

from rowmill.terminal.command_line import App, SharedOptions
from rowmill.terminal.entry import collect_from_here
from rowmill.terminal.output import Output

Declaration = TypeVar("Declaration", bound=Callable[..., None])


def command(
    app: App, target: str, *, first: str | None = None, shared: SharedOptions | None = None
) -> Callable[[Declaration], Declaration]:
    """Declare a command of `app` by a function that has its name, its options and its help alone.

    The command imports `target`, such as `rowmill.commands.status:status`, when it runs, and
    calls it by name with all that the function declares; also with what is made of the options that
    it shares with other commands, by default those of the application. Whatever that raises becomes
    a message and an exit code.
    `first` is called before `target` is imported: what must come before numpy or Arrow does.
    """

    together = shared or app.shared

    def declare(declaration: Declaration) -> Declaration:
        @wraps(declaration)
        def called(**values: Any) -> None:
            from rowmill.terminal.failures import ending

            as_json = values.get("output") == Output.JSON
            with ending(imported(app.translations), as_json=as_json):
                if first is not None:
                    imported(first)()
                body = imported(target)
                collect_from_here()
                body(**_with_shared(together, values))

        parameters = _parameters(together, declaration)
        # What typer reads of a command.
        vars(called)["__signature__"] = inspect.Signature(parameters)
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        app.command()(called)
        app.targets[declaration.__name__] = target
        app.shared_by[declaration.__name__] = together
        return declaration

    return declare


def imported(target: str) -> Any:
    """What stands at a place such as `rowmill.commands.status:status`."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _parameters(
    together: SharedOptions | None, declaration: Callable[..., None]
) -> list[inspect.Parameter]:
    hints = get_type_hints(declaration, include_extras=True)
    own = [
        one.replace(annotation=hints[name])
        for name, one in inspect.signature(declaration).parameters.items()
    ]
    options = together.options if together is not None else {}
    others = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    return [*own, *others]


def _with_shared(together: SharedOptions | None, values: dict[str, Any]) -> dict[str, Any]:
    """The values, with what is made of the shared options in their place."""
    if together is None:
        return values
    given = {name: value for name in together.options if (value := values.pop(name))}
    taken = {name: values.pop(name) for name in together.takes}
    return {**values, **imported(together.maker)(**taken, **given)}
