"""A command is declared in one place and done in another: both have to agree."""

from __future__ import annotations

import gc
import inspect
import json
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from rowmill.cli.app import app as rowmill
from rowmill.cluster.apiserver.kubeconfig import Wanted
from rowmill.errors import Refused
from rowmill.kubectl.app import app as plugin
from rowmill.terminal.command import command, imported
from rowmill.terminal.command_line import App, SharedOptions
from rowmill.terminal.failures import Translations
from rowmill.terminal.output import Output

DECLARED = [(app, name) for app in (rowmill, plugin) for name in app.targets]
TRANSLATIONS: Translations = {
    ZeroDivisionError: lambda error: Refused("Divided", f"cannot divide: {error}")
}
HERE = __name__
_THRESHOLDS = gc.get_threshold()


def _hints(function: Any) -> dict[str, Any]:
    return get_type_hints(function)


@pytest.mark.parametrize(("app", "name"), DECLARED, ids=[name for _, name in DECLARED])
def test_what_a_command_does_takes_what_it_declares(app: App, name: str) -> None:
    declared = _hints(inspect.unwrap(_callback(app, name)))
    together = app.shared_by[name]
    made = {} if together is None else _hints(_hints(imported(together.maker))["return"])
    done = imported(app.targets[name])
    taken = () if together is None else together.takes
    own = {key: kind for key, kind in declared.items() if key not in taken}
    assert _hints(done) == {**own, **made}
    # What is not given has its default where the help can tell it.
    assert not [
        one for one in inspect.signature(done).parameters.values() if one.default is not one.empty
    ]


def test_every_command_is_declared_so() -> None:
    for app in (rowmill, plugin):
        assert set(typer.main.get_command(app).commands) == set(app.targets)  # type: ignore[attr-defined]
        assert isinstance(imported(app.translations), dict)
    assert len(DECLARED) > 20


def test_the_options_that_choose_a_cluster_are_what_a_kubeconfig_is_asked_for() -> None:
    assert plugin.shared is not None
    assert set(plugin.shared.options) == {field.name for field in fields(Wanted)}
    imported(plugin.shared.maker)


def test_a_command_is_called_with_what_was_typed() -> None:
    done = _called("--times", "3")
    assert (done.exit_code, done.stdout) == (0, "30 text None\n")
    assert _called("--who", "me").stdout == "20 text me\n"


def test_garbage_is_collected_while_a_command_works() -> None:
    gc.disable()
    try:
        assert _called("--times", "1").exit_code == 0
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*_THRESHOLDS)
        gc.enable()


def test_what_it_raises_is_told_in_the_words_of_its_application() -> None:
    done = _called("--times", "0")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == "rowmill: cannot divide: by 0\n"
    done = _called("--times", "0", "-o", "json")
    assert json.loads(done.stdout)["error"]["reason"] == "Divided"


def _callback(app: App, name: str) -> Any:
    [found] = [
        each.callback
        for each in app.registered_commands
        if each.callback is not None and each.callback.__name__ == name
    ]
    return found


def _called(*words: str) -> Any:
    shared = SharedOptions(
        f"{HERE}:make", {"who": Annotated[str | None, typer.Option("--who")]}, takes=("times",)
    )
    app = App("mill", "Mills.", translations=f"{HERE}:TRANSLATIONS", shared=shared)
    app.callback()(lambda: None)

    @command(app, f"{HERE}:grind_for")
    def grind(
        times: Annotated[int, typer.Option("--times")] = 2,
        output: Annotated[Output, typer.Option("-o")] = Output.TEXT,
    ) -> None:
        """Grind."""

    return CliRunner().invoke(app, ["grind", *words])


def make(times: int, who: str | None = None) -> dict[str, object]:
    return {"maker": who, "times": times * 10}


def grind_for(maker: str | None, times: int, output: Output) -> None:
    if not times:
        raise ZeroDivisionError("by 0")
    print(times, output, maker)
