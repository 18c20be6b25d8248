"""From a manifest's text to the typed model: what can be said before any rule is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rowmill.counting import counted
from rowmill.spec.cluster_names import KIND
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.problems import MAX_PROBLEMS, Fault, structural_faults
from rowmill.spec.paths import Path, shown
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.yaml.reader import Document, read_documents


@dataclass(frozen=True)
class Structure:
    """A manifest as read: `experiment` is None if there are problems.

    `faults` are these, in document order; `raw` is the plain value of the document.
    """

    raw: object
    experiment: Experiment | None
    faults: tuple[Fault, ...]


def read_structure(text: str) -> Structure:
    """Read a manifest's text against the model.

    Raises:
        InvalidManifest: for a text in which no Experiment can be made out.
    """
    documents = [d for d in read_documents(text) if d.value is not None or d.problems]
    if not documents:
        raise _refusal("the manifest is empty; expected one Experiment")
    if len(documents) == 1 and not isinstance(documents[0].value, dict):
        if documents[0].problems:
            raise InvalidManifest(problem for _, problem in documents[0].problems[:MAX_PROBLEMS])
        value = documents[0].value
        # A text is not quoted: it may be a secret's file, given for the manifest by mistake.
        found = "text" if isinstance(value, str) else shown(value)
        raise _refusal(f"the manifest is {found}; expected an Experiment")
    experiments = [d for d in documents if _kind(d) == KIND]
    if len(documents) > 1 and len(experiments) != 1:
        raise _refusal(_several(documents))
    document = experiments[0] if experiments else documents[0]
    others: list[Fault] = []
    if len(documents) > 1:
        others.append(Fault((), Problem("", _several(documents)), extra=True))
    kind = _kind(document)
    if kind is not None and kind.casefold() not in (KIND.casefold(), f"{KIND}s".casefold()):
        raise _refusal(f"the manifest is of kind {shown(kind)}; expected {KIND}")
    return _check(document, others)


def _check(document: Document, others: list[Fault]) -> Structure:
    experiment, error = None, None
    try:
        experiment = Experiment.model_validate(document.value)
    except ValidationError as caught:
        error = caught
    found = structural_faults(error, document.value, Experiment, document.spellings)
    unread = {path for path, _ in document.problems if path}
    # What could not be read is None, or lacks a field: to say that too would only confuse.
    kept = [fault for fault in found if unread.isdisjoint(_prefixes(fault.path))]
    values = [
        Fault(path, problem, extra=not _is_there(path, document.value))
        for path, problem in document.problems[:MAX_PROBLEMS]
    ]
    faults = (*others, *values, *kept)[:MAX_PROBLEMS]
    if len(faults) == MAX_PROBLEMS:
        text = f"there are too many problems to tell; these are {MAX_PROBLEMS} of them"
        faults = (Fault((), Problem("", text), extra=True), *faults)
    return Structure(document.value, None if faults else experiment, faults)


def _is_there(path: Path, value: object) -> bool:
    """Whether the document holds a value at the path: a key that is no text has none."""
    here: Any = value
    for step in path:
        inside = isinstance(here, list) or (isinstance(here, dict) and step in here)
        if not inside:
            return False
        here = here[step]
    return True


def _prefixes(path: Path) -> Iterator[Path]:
    return (path[: length + 1] for length in range(len(path)))


def _several(documents: list[Document]) -> str:
    kinds = ", ".join(
        f"{_kind(d) or 'something without a kind'} in line {d.line}" for d in documents[:5]
    )
    more = ", ..." if len(documents) > 5 else ""
    return (
        f"the file holds {counted(len(documents), 'document')} ({kinds}{more}); expected one {KIND}"
    )


def _kind(document: Document) -> str | None:
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    return kind[:60] if isinstance(kind, str) else None


def _refusal(message: str) -> InvalidManifest:
    return InvalidManifest([Problem("", message)])
