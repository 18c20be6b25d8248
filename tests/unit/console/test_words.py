"""Messages in the API's words, and the kind: no command that a call stands for is left in any."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute
from typer.core import TyperGroup
from typer.main import get_command

from rowmill.cli.app import app
from rowmill.console.app import PREFIX, ROUTERS
from rowmill.console.words import in_calls, in_rest, told_of
from rowmill.destinations.errors import QueryRefused
from rowmill.engine.consent import WouldReplace
from rowmill.errors import Conflict
from tests.unit.test_python_words import PACKAGE, SPEAKING, texts

# What the API cannot be asked for: it is typed where the console runs.
TYPED = {"up", "down", "console", "crd"}
# It holds files' names, which no call names: the console's own.
OF_THE_CONSOLE = "--secret"
_SHOP = "/api/experiments/shop"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("go on with it: rowmill resume shop, or", f"go on with it: POST {_SHOP}/resume, or"),
        ("with `rowmill rerun shop --restart`.", f"with `POST {_SHOP}/rerun?restart=true`."),
        ("wait (`rowmill status shop -w` shows", f"wait (`GET {_SHOP}/runs/newest/events` shows"),
        ("is: rowmill status shop-2", "is: GET /api/experiments/shop-2/runs/newest"),
        ("of them: rowmill runs shop", f"of them: GET {_SHOP}/runs"),
        ("`rowmill delete shop --keep-data`", f"`DELETE {_SHOP}?purge=false`"),
        ("(`rowmill reset shop`; on", f"(`POST {_SHOP}/reset`; on"),
        ("aborted by `rowmill abort`", "aborted by `abort`"),
        ("add --restart to drop them", "add restart=true to drop them"),
        ("with\n--adopt 'it'\"'\"'s me/local/x'\n", "with\nadopt=it%27s%20me/local/x\n"),
        ("--adopt me@here/local/shop (on", "adopt=me@here/local/shop (on"),
        ("--adopt 'unfinished", "--adopt 'unfinished"),
        ("lines: --secret wh=FILE", "lines: `rowmill console --secret wh=FILE`"),
        ("`rowmill console --secret wh=FILE`", "`rowmill console --secret wh=FILE`"),
        (
            "has no runs yet; start one with: rowmill run -f FILE",
            "has no runs yet; start one with: POST /api/experiments/NAME/runs",
        ),
        (
            "was run here, nor any other; start one with: rowmill run -f FILE",
            "was run here, nor any other; create one with: POST /api/experiments",
        ),
        (
            "was started with --seed 2; resume it with: rowmill run -f FILE --seed 2, or",
            "was started with seed=2; resume it with: POST /api/experiments/NAME/resume, or",
        ),
        (
            "rowmill run -f FILE --scale 1e-3 --seed -2 resumes it",
            "POST /api/experiments/NAME/resume resumes it",
        ),
        ("started without --scale and --seed", "started without scale and seed"),
        ("start them with: rowmill up", "start them with: rowmill up"),
        ("kubectl rowmill resume shop", "kubectl rowmill resume shop"),
        ("no option: -- and --restarting-it", "no option: -- and --restarting-it"),
    ],
)
def test_commands_are_told_as_calls(text: str, words: str) -> None:
    assert in_rest(text) == words


def test_every_command_and_option_that_a_message_names_has_its_call() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    commands = group.commands.values()
    options = {name for each in commands for param in each.params for name in param.opts}
    wanted = {option for option in options if option[:2] == "--"} - {OF_THE_CONSOLE}
    verbs = "|".join(set(group.commands) - TYPED)
    pattern = re.compile(
        rf"(?:{'|'.join(wanted)})(?![\w-])|(?<!kubectl )rowmill (?:{verbs})\b|-f FILE|same command"
    )
    said = {text for folder in SPEAKING for text in texts(PACKAGE / folder)}
    # By this a command is told of an experiment that no NAME stands for; the API has names alone.
    named = [text for text in said - {"-f FILE"} if pattern.search(text)]
    # Else the search itself is broken.
    assert len(named) > 20
    assert [text for text in map(in_rest, named) if pattern.search(text)] == []


def test_every_call_that_a_message_names_is_of_the_api() -> None:
    served = {
        (verb, f"{PREFIX}{route.path}") for route in _routes() for verb in route.methods or ()
    }
    said = [in_rest(text) for folder in SPEAKING for text in texts(PACKAGE / folder)]
    calls = [found for text in said for found in re.findall(r"([A-Z]+) (/api/[\w/]*)", text)]
    assert len(calls) > 20
    unknown = {
        (verb, path)
        for verb, path in calls
        if (verb, re.sub(r"(/experiments/)\w+", r"\1{name}", path).replace("newest", "{run}"))
        not in served
    }
    assert unknown == set()


def test_what_an_engine_tells_has_its_messages_so_however_deep() -> None:
    told = {
        "message": "rowmill resume shop",
        "verification": {"message": "`rowmill verify shop` does it", "rows": 3},
        "tables": [{"name": "rowmill resume shop"}],
        "problems": [{"message": "add --restart", "line": None}],
        "state": None,
    }
    assert in_calls(told) == {
        "message": f"POST {_SHOP}/resume",
        "verification": {"message": f"`POST {_SHOP}/verify` does it", "rows": 3},
        "tables": [{"name": "rowmill resume shop"}],
        "problems": [{"message": "add restart=true", "line": None}],
        "state": None,
    }


def test_what_a_terminal_would_ask_is_told_as_a_parameter() -> None:
    asked = WouldReplace("FewerRows", "run 2 would replace run 1", "an id")
    assert told_of(asked) == (
        "run 2 would replace run 1; nothing was changed (add restart=true to replace it)"
    )
    assert told_of(Conflict("Other", "add --restart")) == "add restart=true"


def _routes() -> list[APIRoute]:
    return [each for one in ROUTERS for each in one.routes if isinstance(each, APIRoute)]


def test_what_postgres_says_of_a_query_stays_as_it_is() -> None:
    said = 'syntax error at or near "--restart"'
    assert told_of(QueryRefused(said)) == said
