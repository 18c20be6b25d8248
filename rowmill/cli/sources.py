"""From what a command was given, a file or a NAME, to a spec and its secrets."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from rowmill.local.home import remembered
from rowmill.local.home.file_paths import whole_path
from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.source import START, Source, recalled
from rowmill.spec.load import MOST_READ, decode_manifest, read_manifest
from rowmill.terminal.failures import UsageError
from rowmill.terminal.streams import input_is_closed

STANDARD_INPUT = Path("-")
# `NAME=FILE` options as typed, None without any.
Secrets = list[str] | None


def one_file(argument: Path | None, option: Path | None) -> Path:
    """The manifest of a command that takes FILE or -f FILE.

    Raises:
        UsageError: there is none, or there are two.
    """
    if argument is None and option is None:
        raise UsageError("give the manifest, FILE or -f FILE, such as: -f shop.yaml")
    if argument is not None and option is not None:
        raise UsageError(f"give one manifest: {argument} or -f {option}, not both")
    found = argument if option is None else option
    assert found is not None
    return found


def from_file(
    file: Path, scale: str | None = None, seed: int | None = None, secrets: Secrets = None
) -> Source:
    """The source in a file, or on standard input if it is `-`; `secrets` are NAME=FILE as typed."""
    if file == STANDARD_INPUT:
        if input_is_closed():
            raise UsageError("standard input is closed: give the manifest there, or with -f FILE")
        label = "standard input"
        text = decode_manifest(sys.stdin.buffer.read(MOST_READ), label)
    else:
        label, text = str(file), read_manifest(file)
    return Source(label, text, scale, seed, secret_files(secrets))


def from_name(name: str, secrets: Secrets = None, home: Home | None = None) -> Source:
    """The source that was last run here under this name; `secrets` win over the remembered ones.

    Raises:
        NotFound: nothing of that name was run here.
        UsageError: it is a file.
    """
    home = home or rowmill_home()
    refuse_file(home, name, f"an experiment's NAME or: -f {name}")
    known = recalled(home, name)
    return replace(known, secrets={**known.secrets, **secret_files(secrets)})


def refuse_file(home: Home, name: str, wanted: str) -> None:
    """Raise UsageError if NAME is of a file rather than of an experiment; `wanted` says of what."""
    if Path(name).is_file() and name not in remembered.names(home):
        raise UsageError(f"{name!r} is a file, and this wants {wanted}")


def refuse_name(file: Path, home: Home | None = None) -> None:
    """Raise UsageError if there is no such file, and an experiment of that name was run here."""
    if not file.exists() and str(file) in remembered.names(home or rowmill_home()):
        raise UsageError(
            f"there is no file {file}, and this takes a manifest; of the experiment {file} "
            f"`rowmill resume {file}` goes on with the newest run, and `rowmill rerun {file}` "
            "begins the next"
        )


def from_either(name: str | None, file: Path | None, secrets: Secrets = None) -> Source:
    """The source by NAME or by -f FILE: exactly one of them."""
    if name is None and file is None and not remembered.names(rowmill_home()):
        raise UsageError(f"no experiment has run here yet; {START}")
    if (name is None) == (file is None):
        raise UsageError("give either the experiment's NAME or its manifest with -f FILE")
    return from_file(file, secrets=secrets) if file is not None else from_name(name or "", secrets)


def secret_files(secrets: Secrets) -> dict[str, Path]:
    """`NAME=FILE` options as paths by name."""
    files: dict[str, Path] = {}
    for text in secrets or ():
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            # The text is not repeated: somebody may have typed a password there.
            raise UsageError("--secret takes NAME=FILE, where FILE holds KEY=VALUE lines")
        files[name] = whole_path(path)
    return files
