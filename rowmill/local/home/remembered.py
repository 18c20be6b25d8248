"""What ROWMILL_HOME remembers of an experiment's last run: manifest, secret files, data version."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from rowmill.engine.records import Progress
from rowmill.engine.request import RunRequest
from rowmill.errors import Problem, Refused
from rowmill.local.home.file_locks import locked
from rowmill.local.home.folder import Home, home_refused, make_private, write_private

_MANIFEST, _RECORD, _DATA_VERSION = "manifest.yaml", "record.json", "data-version"
_PROGRESS = "last-run.json"
# Bytes of a file's name; an experiment's has 63 characters, each of three bytes when quoted.
_LONGEST = 255


@dataclass(frozen=True)
class Remembered:
    """One experiment as last run here: the manifest's text, overrides, secret files by name.

    `asked` is what of its request holds for later runs; an older record knows nothing of it.
    """

    name: str
    manifest: str
    scale: str | None
    seed: int | None
    secrets: Mapping[str, Path]
    asked: RunRequest = field(default_factory=RunRequest)


class MemoryDamaged(Refused):
    """What is remembered of an experiment is of no use; `why` says what is wrong with the file."""

    def __init__(self, name: str, file: Path, why: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(
            "MemoryDamaged",
            f"{file}, by which this machine knows {name}, is damaged or of another release: "
            f"{why}. Run it again with its manifest, `rowmill run -f FILE`, or have it forgotten "
            f"here, with data and records left where they are: `rowmill delete {name} --keep-data`",
            problems,
        )


def keep(home: Home, experiment: Remembered) -> None:
    """Remember an experiment, replacing what was known of it.

    Raises:
        OSError: its folder cannot be written.
    """
    place = make_folder(home, experiment.name)
    # The manifest first: a record never points at a text that is not there.
    write_private(place / _MANIFEST, experiment.manifest)
    write_private(
        place / _RECORD,
        json.dumps(
            {
                "scale": experiment.scale,
                "seed": experiment.seed,
                "workers": experiment.asked.workers,
                "batchRows": experiment.asked.batch_rows,
                "secrets": {name: str(path) for name, path in experiment.secrets.items()},
            },
            indent=1,
        ),
    )


def recall(home: Home, name: str) -> Remembered | None:
    """What is known of the experiment `name`, or None.

    Raises:
        MemoryDamaged: it is no more what was kept.
        Refused: FileRefused, the home cannot be read.
    """
    file = manifest_file(home, name)
    try:
        manifest = file.read_text(encoding="utf-8")
        file = folder(home, name) / _RECORD
        return _remembered(name, manifest, json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise home_refused(home, error) from None
    except UnicodeDecodeError:
        raise MemoryDamaged(name, file, "it is not UTF-8") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise MemoryDamaged(name, file, "it is no record of a run's options") from None


def _remembered(name: str, manifest: str, record: Any) -> Remembered:
    scale = record["scale"]
    seed, workers, batch_rows = record["seed"], record.get("workers"), record.get("batchRows")
    numbers = (seed, workers, batch_rows)
    if not isinstance(scale, str | None) or not all(isinstance(n, int | None) for n in numbers):
        raise TypeError
    secrets = {secret: Path(path) for secret, path in record["secrets"].items()}
    asked = RunRequest(workers=workers, batch_rows=batch_rows)
    return Remembered(name, manifest, scale, seed, secrets, asked)


def manifest_file(home: Home, name: str) -> Path:
    """The manifest with which an experiment was last run here."""
    return folder(home, name) / _MANIFEST


def keep_data_version(home: Home, name: str, data_version: int) -> None:
    """Remember by which data version an experiment was last run here.

    A home that cannot be written stays without: the ledger knows, and no run is to fail of it.
    """
    try:
        write_private(make_folder(home, name) / _DATA_VERSION, str(data_version))
    except OSError:
        return


def last_data_version(home: Home, name: str) -> int | None:
    """The data version of the experiment's last run here, None if that is not known."""
    try:
        return int((folder(home, name) / _DATA_VERSION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class ProgressMark:
    """Which writing of an experiment's progress is in its place; `file` is None of none."""

    file: tuple[int, int] | None


def progress_mark(home: Home, name: str) -> ProgressMark:
    """What is in place now: to be asked before one looks at what one will then keep."""
    try:
        found = (folder(home, name) / _PROGRESS).stat()
    except OSError:
        return ProgressMark(None)
    return ProgressMark((found.st_ino, found.st_mtime_ns))


def keep_progress(
    home: Home, name: str, progress: Progress, *, since: ProgressMark | None = None
) -> None:
    """Remember how far the experiment's newest run is, for when no server can tell.

    A home that cannot be written stays without: the ledger knows.

    Args:
        since: of one who looked: what was written after it is newer, and stays. None of the run's
            own process.
    """
    file, text = folder(home, name) / _PROGRESS, json.dumps(progress.to_json())
    # Whoever looks again at a run that has ended makes the disk do nothing.
    if _holds(file, text):
        return
    with suppress(OSError), _alone(file.parent):
        if since is None or since == progress_mark(home, name):
            write_private(file, text, durable=False)


def last_progress(home: Home, name: str) -> Progress | None:
    """How far the experiment's newest run was when somebody last looked; None if nobody did."""
    try:
        text = (folder(home, name) / _PROGRESS).read_text(encoding="utf-8")
        return Progress.from_json(json.loads(text))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_bytes() == text.encode()
    except OSError:
        return False


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time; raises OSError if there is no such folder."""
    descriptor = locked(place, os.O_RDONLY | os.O_DIRECTORY, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def names(home: Home) -> list[str]:
    """The experiments whose manifests are known here, sorted; raises as `folders`."""
    return [name for name in folders(home) if is_known(home, name)]


def is_known(home: Home, name: str) -> bool:
    """Whether the manifest of an experiment is known here."""
    return (folder(home, name) / _RECORD).is_file()


def folders(home: Home) -> list[str]:
    """The experiments of which anything is kept here, sorted.

    Raises:
        Refused: FileRefused, the home cannot be read: nobody knows then what it holds.
    """
    try:
        return sorted(map(unquote, os.listdir(home.experiments)))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise home_refused(home, error) from None


def make_folder(home: Home, name: str) -> Path:
    """Where an experiment is remembered, made if it is missing, for its owner alone.

    Raises:
        OSError: it cannot be made.
    """
    make_private(home.path)
    make_private(home.experiments)
    return make_private(folder(home, name))


# A list of experiments asks for those of all, several times each.
@lru_cache(maxsize=10_000)
def folder(home: Home, name: str) -> Path:
    """Where an experiment is remembered."""
    # A name typed by hand (`rowmill status ../x`) must not leave the folder.
    quoted = quote(name, safe="", errors="surrogateescape").replace(".", "%2E")
    # No experiment has a name of which no folder can be, and none is asked for by the cut one.
    return home.experiments / quoted[:_LONGEST]
