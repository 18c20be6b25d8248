"""Messages in Python's words, and the kind: no option of the command line is left in any."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import rowmill
from rowmill.cli.app import app
from rowmill.python_words import in_python, in_python_on_cluster

PACKAGE = Path(rowmill.__file__).parent
# What these say is read by users of Python and of the API too.
SPEAKING = (
    *("destinations", "engine", "generate", "local", "on_demand", "plan", "spec", "verify"),
    *("warehouse", "worker"),
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("add --restart to drop them", "add mode=rowmill.Mode.RESTART to drop them"),
        ("run without --resume to", "run without mode=rowmill.Mode.RESUME to"),
        ("over with --adopt me@here/local/shop (on", "over with adopt='me@here/local/shop' (on"),
        ("with\n--adopt 'it'\"'\"'s me/local/x'\n", 'with\nadopt="it\'s me/local/x"\n'),
        ("lines: --secret wh=FILE", 'lines: secrets={"wh": FILE}'),
        ("without --secret, must", "without secrets, must"),
        ("yet; start one with: rowmill run -f FILE", "yet; start one with run()"),
        ("run the same command again", "call run() again"),
        ("mended, go on with it: rowmill resume shop-2", "mended, go on with it: run()"),
        (
            "was started with --seed 2; resume it with: rowmill run -f FILE --seed 2, or",
            "was started with seed=2; resume it with: rowmill.load(FILE, seed=2).run(), or",
        ),
        (
            "rowmill run -f FILE --scale 1e-3 --seed 2 resumes it",
            "rowmill.load(FILE, scale=1e-3, seed=2).run() resumes it",
        ),
        ("started without --scale and --seed", "started without scale and seed"),
        ("no option: -- and --restarting-it", "no option: -- and --restarting-it"),
    ],
)
def test_options_are_told_as_parameters(text: str, words: str) -> None:
    assert in_python(text) == words


def test_every_option_of_run_that_a_message_names_has_its_word() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    run = group.commands["run"]
    options = "|".join(name for param in run.params for name in param.opts if name[:2] == "--")
    pattern = re.compile(rf"(?:{options})(?![\w-])|rowmill run -f|same command")
    said = [text for folder in SPEAKING for text in texts(PACKAGE / folder)]
    named = [text for text in said if pattern.search(text)]
    # Else the search itself is broken.
    assert len(named) > 8
    assert [text for text in map(in_python, named) if pattern.search(text)] == []


def test_every_option_of_the_plugin_that_a_message_names_has_its_word() -> None:
    """Those that Python takes no parameter for go with what is said of them."""
    pattern = re.compile(r"(?<![\w-])(?:--(?:kubeconfig|context|server|as)|-n)(?![\w-])")
    named = [text for text in texts(PACKAGE / "cluster") if pattern.search(text)]
    assert len(named) > 5
    assert [text for text in map(in_python_on_cluster, named) if pattern.search(text)] == []


def texts(folder: Path) -> Iterator[str]:
    """The strings of the modules but their docstrings; an f-string's values are shown as x."""
    for module in folder.rglob("*.py"):
        tree = ast.parse(module.read_text())
        inner: set[ast.AST] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                inner.add(node.value)
            if isinstance(node, ast.JoinedStr):
                inner.update(node.values)
                parts = (p.value if isinstance(p, ast.Constant) else "x" for p in node.values)
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and node not in inner:
                yield str(node.value)
