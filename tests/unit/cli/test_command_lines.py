"""What a command line takes and what its help says of it, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner, Result

from rowmill.cli.app import app
from rowmill.kubectl.app import app as plugin
from rowmill.kubectl.elsewhere import ELSEWHERE
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import Remembered

NAMED = [
    ("status",), ("runs",), ("abort",), ("verify",), ("trace", "orders", "1"),
    ("query", "SELECT 1"), ("reset", "--yes"), ("delete", "--yes"),
]  # fmt: skip
SHOP = str(Path(__file__).parents[3] / "examples" / "shop.yaml")


def called(*words: str, of: typer.Typer = app) -> Result:
    return CliRunner().invoke(of, words, env={"COLUMNS": "100", "TERM": "dumb"})


@pytest.mark.parametrize("of", [app, plugin])
def test_help_shows_no_value_where_none_is_taken_and_no_type_of_the_program(
    of: typer.Typer,
) -> None:
    commands = [[], *([command.name] for command in of.registered_commands if command.name)]
    commands += [[name] for name in ("run", "status") if of is app]
    for words in commands:
        said = called(*words, "--help", of=of).stdout
        assert "Usage:" in said
        assert not [word for word in ("<bool>", "<path>", "<str>", "<list", "[[") if word in said]


def test_usage_shows_what_is_typed() -> None:
    assert "trace [OPTIONS] [NAME] TABLE KEY..." in called("trace", "--help").stdout
    assert "run [OPTIONS] [FILE]" in called("run", "--help").stdout


@pytest.mark.parametrize("of", [app, plugin])
def test_the_help_of_each_option_says_by_itself_what_it_does(of: typer.Typer) -> None:
    group = get_command(of)
    assert isinstance(group, TyperGroup)
    options = {
        (command.name, name): param.help or ""
        for command in group.commands.values()
        for param in command.params
        for name in param.opts
        if isinstance(param, (TyperOption, TyperArgument))
    }
    assert len(options) > 20
    half = re.compile(r"(Instead|And|Of|Default|Go on|Else|Not|By)\b|[a-z]")
    assert {name for name, text in options.items() if half.match(text) or text[-1:] != "."} == set()


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("--workers", "by default the manifest's parallelism, else all cores but one"),
        ("--batch-rows", "by default the manifest's batchRows, else by row width and memory"),
        ("--progress", "by default bars on a terminal, else plain lines"),
        ("--file", "The manifest, instead of FILE"),
    ],
)
def test_the_help_of_run_says_what_is_taken_where_nothing_is_given(
    option: str, default: str
) -> None:
    said = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "300", "TERM": "dumb"})
    [line] = [line for line in said.stdout.splitlines() if f"{option} " in line]
    assert default in line


@pytest.mark.parametrize("words", [("validate", SHOP), ("validate", "-f", SHOP)])
def test_a_manifest_is_taken_with_and_without_its_option(words: tuple[str, ...]) -> None:
    done = called(*words)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{SHOP} is valid: shop")


def test_every_command_that_makes_rows_of_a_manifest_takes_it_so() -> None:
    for command in ("plan", "preview"):
        done = called(command, SHOP, *(["-n", "1", "-t", "orders"] if command == "preview" else []))
        assert done.exit_code == 0
        assert "orders" in done.stdout
    assert "none.yaml: no such file" in called("run", "none.yaml").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run",), "give the manifest, FILE or -f FILE, such as: -f shop.yaml"),
        (("validate", "a", "-f", "b"), "give one manifest: a or -f b, not both"),
        (("verify", SHOP), f"is a file, and this wants an experiment's NAME or: -f {SHOP}"),
        (("trace",), "such as: rowmill trace shop orders 4711"),
        (("trace", "-f", SHOP), f"such as: rowmill trace -f {SHOP} categories ID; keys: categ"),
        (("trace", "-f", SHOP, "order_lines"), "order_lines ORDER_ID LINE; keys: order_lines ("),
        (("trace", "-f", SHOP, "none"), "there is no table 'none'; the tables are"),
        (("query", "shop", ""), "the SQL is empty; give a query, such as:"),
        (("query", "shop", " ;\n"), "the SQL is empty; give a query, such as:"),
    ],
)
def test_what_lacks_is_told_with_a_line_that_has_it(words: tuple[str, ...], said: str) -> None:
    done = called(*words)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("of", [app, plugin])
def test_every_choice_that_there_is_not_is_told_as_all_other_errors(of: typer.Typer) -> None:
    group = get_command(of)
    assert isinstance(group, TyperGroup)
    choices = [
        (name, option.opts[-1])
        for name, command in group.commands.items()
        for option in command.params
        if getattr(option, "choices", None) or "json." in (getattr(option, "help", "") or "")
    ]
    assert len(choices) >= (9 if of is app else 2)
    for name, option in choices:
        done = called(name, option, "xml", of=of)
        assert done.exit_code == 2
        assert re.fullmatch(
            r"rowmill: invalid value for '.*': 'xml' is not one of '.*'; see: .* --help\n",
            done.stderr,
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--workers", "0"), "(env var: 'ROWMILL_WORKERS'): give at least 1; see: "),
        (("run", "--workers", "9999"), "(env var: 'ROWMILL_WORKERS'): give at most 1024; see: "),
        (("run", "--workers", "all"), "(env var: 'ROWMILL_WORKERS'): give a valid integer; see: "),
        (("run", "--nope"), "rowmill: no such option: --nope"),
        (("run", "-f"), "rowmill: option '-f' requires an argument"),
        (("run", "a", "b"), "rowmill: got unexpected extra argument"),
        (("frob",), "rowmill: no such command 'frob'; see: "),
        (("statu",), "rowmill: no such command 'statu'. Did you mean 'status'?; see: "),
        (("restart", "shop"), "no such command 'restart'. Did you mean 'rerun'?; see: "),
        (("stop", "shop"), "no such command 'stop'. Did you mean 'suspend', 'abort'?; see: "),
        (("list",), "no such command 'list'. Did you mean 'status'?; see: "),
        (("query", "shop", "-- all\nSELECT 1"), "put -- before a value that begins with -"),
        (
            ("trace", "shop", "orders", "-1"),
            "no such option: -1; put -- before a value that begins with -, such as: -- -1; see: ",
        ),
    ],
)
def test_wrong_words_are_told_in_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = called(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.startswith("rowmill: ")
    assert done.stderr.count("\n") == 1


def test_the_plugin_is_called_as_kubectl_calls_it() -> None:
    """kubectl runs `kubectl-rowmill`, which nobody types."""
    for words in (["--help"], ["status", "--help"], ["frob"], ["status", "--nope"]):
        done = CliRunner().invoke(plugin, words, prog_name="kubectl-rowmill")
        assert "kubectl rowmill" in done.output
        assert "kubectl-rowmill" not in done.output


def test_what_one_machine_alone_can_is_answered_with_what_serves_on_a_cluster() -> None:
    missing = {one.callback.__name__ for one in app.registered_commands if one.callback} - {
        one.callback.__name__ for one in plugin.registered_commands if one.callback
    }
    assert missing == ELSEWHERE.keys()
    for name, words in ELSEWHERE.items():
        done = called(name, "shop", of=plugin)
        assert done.exit_code == 2
        assert f"no such command '{name}' here: {words}; see: kubectl row" in done.stderr
    assert " here" not in called("frob", of=plugin).stderr


@pytest.mark.parametrize(
    "asked", [("-o", "json"), ("-ojson",), ("--output", "json"), ("--output=json",)]
)
@pytest.mark.parametrize(
    ("of", "words", "said"),
    [
        (app, ("run", "-f", SHOP, "--batch-rows", "7"), "give at least 1000"),
        (app, ("run", "--nope"), "no such option: --nope"),
        (app, ("plan", "--seed", "1.5"), "give a valid integer"),
        (app, ("preview", "-n", "0"), "give at least 1"),
        (app, ("runs", "a", "b"), "got unexpected extra argument"),
        (app, ("frob",), "no such command 'frob'"),
        (app, ("delete", "shop"), "no such option: -"),
        (plugin, ("status", "--nope"), "no such option: --nope"),
        (
            plugin,
            ("-n", "trial", "status", "-o", "json"),
            "no such option: -n; the options of a command go behind its name",
        ),
        (plugin, ("frob",), "no such command 'frob'"),
    ],
)
def test_wrong_words_are_the_json_document_too_where_that_is_asked_for(
    of: typer.Typer, words: tuple[str, ...], said: str, asked: tuple[str, ...]
) -> None:
    done = called(*words, *asked, of=of)
    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert (error["reason"], error["exitCode"]) == ("Usage", 2)
    assert said in error["message"]
    assert done.stderr == f"rowmill: {error['message']}\n"


def test_a_wrong_environment_variable_is_the_json_document_too() -> None:
    words = ["run", "-f", SHOP, "-o", "json"]
    done = CliRunner().invoke(app, words, env={"ROWMILL_BATCH_ROWS": "7"})
    assert json.loads(done.stdout)["error"]["reason"] == "Usage"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "-o", "json", "-o", "text", "--nope"),
        ("run", "-o", "xml"),
        ("run", "--nope", "--", "-o", "json"),
    ],
)
def test_where_json_is_not_asked_for_wrong_words_are_no_document(words: tuple[str, ...]) -> None:
    done = called(*words)
    assert (done.exit_code, done.stdout) == (2, "")


def test_without_any_command_the_help_is_all() -> None:
    for each in (app, plugin):
        done = called(of=each)
        assert done.exit_code == 2
        assert "Commands" in done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize("words", NAMED)
def test_an_unknown_name_is_wrong_usage_and_names_what_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path))
    for known in ("bank", "shop", "shop-eu"):
        remembered.keep(Home(tmp_path), Remembered(known, "", None, None, {}))
    command, *more = words
    done = called(command, "shop-e", *more)
    said = "rowmill: no experiment 'shop-e' was run here; did you mean 'shop-eu' or 'shop'?\n"
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)
    done = called(command, "zzz", *more)
    assert "(known: bank, shop, shop-eu); name one of these, or give" in done.stderr
    assert done.exit_code == 2


def test_a_name_in_place_of_a_manifest_is_told_what_goes_by_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    remembered.keep(Home(tmp_path / "home"), Remembered("shop", "", None, None, {}))
    done = called("run", "shop")
    assert done.exit_code == 2
    assert "there is no file shop, and this takes a manifest" in done.stderr
    assert "`rowmill resume shop`" in done.stderr
    assert "`rowmill rerun shop`" in done.stderr
    assert (
        called("run", "shop.yaml").stderr
        == "rowmill: the manifest: shop.yaml: no such file or directory\n"
    )


def test_where_nothing_has_run_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path))
    place = f"in ROWMILL_HOME, {tmp_path}"
    assert (called("runs").exit_code, called("runs").stdout) == (0, f"no runs yet {place}\n")
    assert called("runs", "-o", "json").stdout == "[]\n"
    assert (called("status").exit_code, called("status").stdout) == (
        0,
        f"no experiments yet {place}\n",
    )
    start = "start one with: rowmill run -f FILE\n"
    for words, said in (
        (("verify",), "no experiment has run here yet; "),
        (("status", "shop"), "no experiment 'shop' was run here, nor any other; "),
    ):
        done = called(*words)
        assert (done.exit_code, done.stderr) == (2, f"rowmill: {said}{start}")
