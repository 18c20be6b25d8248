"""Every bad manifest of the corpus is refused with exactly the problems that it names itself.

The comments `# expect: MESSAGE` at a file's head are the whole list, in any order. Where a message
names all kinds there are, it has KINDS: all, those OF ELEMENTS, or those OF a type.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rowmill.spec.kinds import ENTRIES
from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.values.types import parse_type

CORPUS = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
# Words of the libraries underneath, which mean nothing to a manifest's author.
_JARGON = re.compile(
    r"pydantic|traceback|errors\.|_type\b|model_|libyaml|ctx|NoneType", re.IGNORECASE
)
# Words of the manifest stand in double quotes; `'_'` and `'[1, 2]'` are what is to be written.
_OTHER_QUOTES = re.compile(r"(?<![\w\"])'\w[\w.()]+'")


_KINDS = re.compile(r"KINDS(?: OF (\w+))?$")


def _expected(text: str) -> list[str]:
    lines = re.findall(r"^# expect: (.*)$", text, re.MULTILINE)
    return [_KINDS.sub(lambda found: ", ".join(_kinds(found[1])), line) for line in lines]


def _kinds(of: str | None) -> list[str]:
    elements = [entry.key for entry in ENTRIES if entry.in_arrays]
    if of == "ELEMENTS":
        return elements
    if of is None:
        return elements + [entry.key for entry in ENTRIES if not entry.in_arrays]
    return [entry.key for entry in ENTRIES if entry.can_fill(parse_type(of))]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_problems_are_exactly_the_expected(path: Path) -> None:
    with pytest.raises(InvalidManifest) as caught:
        load_spec(path)
    found = [str(problem) for problem in caught.value.problems]
    assert sorted(found) == sorted(_expected(path.read_text(encoding="utf-8")))
    assert not _JARGON.search(str(caught.value))
    assert not _OTHER_QUOTES.search(str(caught.value))
    assert "hunter2" not in str(caught.value)


def test_corpus_is_large() -> None:
    assert len(CORPUS) >= 60
