"""Messages as the API's user reads them: the same text, with calls in place of commands.

A message travels as text, over a worker's pipe and through the ledger, in the words of the command
line. So the translation stands here, and a test sees that each command and option that a message
names has one. Of commands those stay that no call stands for: `rowmill up`, `down` and `console`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rowmill.engine.consent import WouldReplace
from rowmill.errors import RowmillError

_EXPERIMENTS = "/api/experiments"
# Of an experiment; a message that names none is of whichever one was asked of.
_NAME = r"(?!-)[\w.-]*\w"
_QUOTED = r"'(?:[^']|'\"'\"')*'"
_ADOPT = re.compile(rf"--adopt ((?:{_QUOTED}|[^\s'])+)")
_SECRET = re.compile(r"(?<!rowmill console )--secret (\S+=FILE)")
_OPTION = re.compile(r"--(scale|seed) (-?[\d.][\w.+-]*)")
# Beside the phrases below all messages have it for going on, which needs no options in a call:
# they are remembered.
_RESUMES = re.compile(rf"rowmill run -f FILE(?: {_OPTION.pattern})*")
# Commands by verb and option; `{}` is the experiment's path.
_CALLS: Mapping[str, str] = {
    "abort": "POST {}/abort",
    "delete": "DELETE {}",
    "delete --keep-data": "DELETE {}?purge=false",
    "logs": "GET {}/runs/newest/logs",
    "reset": "POST {}/reset",
    "rerun": "POST {}/rerun",
    "rerun --restart": "POST {}/rerun?restart=true",
    "resume": "POST {}/resume",
    "runs": "GET {}/runs",
    "status": "GET {}/runs/newest",
    "status -w": "GET {}/runs/newest/events",
    "suspend": "POST {}/suspend",
    "verify": "POST {}/verify",
}
_VERBS = "|".join(sorted({call.partition(" ")[0] for call in _CALLS}))
_COMMAND = re.compile(rf"(?<!kubectl )rowmill ({_VERBS}) ({_NAME})( --?(?:restart|keep-data|w)\b)?")
# Whole, before any command in them is looked at.
_PHRASES: Mapping[str, str] = {
    "`rowmill abort`": "`abort`",
    "`rowmill suspend`": "`suspend`",
    "`rowmill runs`": f"`GET {_EXPERIMENTS}/NAME/runs`",
    "`rowmill query -o csv`": f'`POST {_EXPERIMENTS}/NAME/query` with `"format": "csv"`',
    # PUT is refused as well of what is damaged: it is forgotten first.
    "Run it again with its manifest, `rowmill run -f FILE`, or have it": "Have it",
    "nor any other; start one with: rowmill run -f FILE": (
        f"nor any other; create one with: POST {_EXPERIMENTS}"
    ),
    "start one with: rowmill run -f FILE": f"start one with: POST {_EXPERIMENTS}/NAME/runs",
    "first with: rowmill run -f FILE": f"first with: POST {_EXPERIMENTS}/NAME/runs",
    "give its manifest, where a command takes -f FILE": f"create it with: POST {_EXPERIMENTS}",
    "give the next commands the manifest, with -f FILE": (
        f"send its manifest again, with: PUT {_EXPERIMENTS}/NAME"
    ),
    "give a manifest without destinations.parquet by -f FILE": (
        f"send a manifest without destinations.parquet, with: PUT {_EXPERIMENTS}/NAME"
    ),
    "run the same command again": "make the same call again",
}
_PARAMETERS: Mapping[str, str] = {
    "--batch-rows": "batchRows",
    "--restart": "restart=true",
    "--resume": "resume=true",
    "--scale": "scale",
    "--seed": "seed",
    "--workers": "workers",
}
_PHRASE = re.compile("|".join(map(re.escape, _PHRASES)))
_PARAMETER = re.compile(rf"(?:{'|'.join(_PARAMETERS)})(?![\w-])")


def in_rest(text: str) -> str:
    """A message of the engine, for somebody who calls the API."""
    text = _PHRASE.sub(lambda found: _PHRASES[found[0]], text)
    text = _ADOPT.sub(_adopted, text)
    text = _RESUMES.sub(f"POST {_EXPERIMENTS}/NAME/resume", text)
    text = _SECRET.sub(r"`rowmill console --secret \1`", text)
    text = _OPTION.sub(r"\1=\2", text)
    text = _COMMAND.sub(_called, text)
    return _PARAMETER.sub(lambda found: _PARAMETERS[found[0]], text)


def told_of(error: RowmillError) -> str:
    """What is wrong and what to do, of an error that ends a call."""
    # What Postgres says of a query quotes that, and has no words of ours.
    text = error.message if error.reason == "QueryRefused" else in_rest(error.message)
    if isinstance(error, WouldReplace):
        # Of a terminal it is asked there, so the message itself does not say how.
        return f"{text}; nothing was changed (add restart=true to replace it)"
    return text


def in_calls(document: Mapping[str, Any]) -> dict[str, Any]:
    """What an engine tells as JSON, with each `message` in it as the API's user reads it."""
    return {key: _worded(key, value) for key, value in document.items()}


def _worded(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return in_calls(value)
    if isinstance(value, list):
        return [in_calls(each) if isinstance(each, dict) else each for each in value]
    return in_rest(value) if key == "message" and value else value


def _called(found: re.Match[str]) -> str:
    verb, name, option = found.groups()
    call = _CALLS.get(f"{verb}{option or ''}")
    return found[0] if call is None else call.format(f"{_EXPERIMENTS}/{name}")


def _adopted(found: re.Match[str]) -> str:
    try:
        [owner] = shlex.split(found[1])
    except ValueError:
        return found[0]
    return f"adopt={quote(owner, safe='/@')}"
