"""Messages as the user of Python reads them: the same text, with parameters in place of options.

A message travels as text, over a worker's pipe and through the ledger, in the words of the command
line. So the translation stands here, and a test sees that each option that a message names has one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

_QUOTED = r"'(?:[^']|'\"'\"')*'"
_ADOPT = re.compile(rf"--adopt ((?:{_QUOTED}|[^\s'])+)")
_SECRET = re.compile(r"--secret (\S+)=FILE")
_OPTION = re.compile(r"--(scale|seed) (-?[\d.][\w.+-]*)")
_RUN_WITH = re.compile(rf"rowmill run -f FILE((?: {_OPTION.pattern})+)")
_RESUME = re.compile(r"rowmill resume [\w.-]+")
_WORDS: Mapping[str, str] = {
    "--restart": "mode=rowmill.Mode.RESTART",
    "--resume": "mode=rowmill.Mode.RESUME",
    "--batch-rows": "batch_rows",
    "--workers": "workers",
    "--adopt": "adopt",
    "--secret": "secrets",
    "--scale": "scale",
    "--seed": "seed",
    "start one with: rowmill run -f FILE": "start one with run()",
    "first with: rowmill run -f FILE": "first with run()",
    "rowmill run -f FILE": "run()",
    "run the same command": "call run()",
}
_ANY = re.compile(
    rf"(?:{'|'.join(map(re.escape, sorted(_WORDS, key=len, reverse=True)))})(?![\w-])"
)

# What leads to a cluster; where Python takes no such parameter, what is said of the option goes.
_CLUSTER_WORDS = (
    ("--kubeconfig FILE", "kubeconfig=FILE"),
    ("with --context", "with context=NAME"),
    (", or --server URL", ""),
    (", of the kubeconfig or --server,", ", of the kubeconfig,"),
    (", or --as USER", ""),
    ("with -n", "with namespace=NAME"),
)


def in_python(text: str) -> str:
    """A message of the engine, for somebody who called it from Python."""
    text = _ADOPT.sub(_adopted, text)
    text = _SECRET.sub(lambda found: f'secrets={{"{found[1]}": FILE}}', text)
    text = _RUN_WITH.sub(_loaded, text)
    text = _RESUME.sub("run()", text)
    text = _OPTION.sub(r"\1=\2", text)
    return _ANY.sub(lambda found: _WORDS[found[0]], text)


def in_python_on_cluster(text: str) -> str:
    """A message of a cluster's engine, for somebody who called it from Python."""
    for typed, words in _CLUSTER_WORDS:
        text = text.replace(typed, words)
    return text


def speaking_python(report: Callable[[str], None]) -> Callable[[str], None]:
    """`report`, of texts in Python's words."""
    return lambda text: report(in_python(text))


def _loaded(found: re.Match[str]) -> str:
    given = "".join(f", {name}={value}" for name, value in _OPTION.findall(found[1]))
    return f"rowmill.load(FILE{given}).run()"


def _adopted(found: re.Match[str]) -> str:
    try:
        [owner] = shlex.split(found[1])
    except ValueError:
        return found[0]
    return f"adopt={owner!r}"
