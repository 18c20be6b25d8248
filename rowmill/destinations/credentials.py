"""Where credentials come from: a file, a mounted Secret, the environment, or the engine itself.

A source is called at each connect, so that a rotated secret is picked up; its values never appear
in its repr.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.secret_values import holds_nul, misplaced
from rowmill.spec.secret_keys import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    POSTGRES_REQUIRED,
)

# They name the login that runs a person's queries; no worker reads them.
READER_KEYS = ("PGREADUSER", "PGREADPASSWORD")
# What logs the loader in. A certificate is not among them: it says itself whose it is, and a server
# may want one of every client.
_LOADER_KEYS = ("PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSERVICE")
_EXAMPLES = {"PGHOST": "db.example", "PGUSER": "loader"}


@dataclass(frozen=True)
class KnownCredentials:
    """Values in hand: those of the embedded servers."""

    values: Mapping[str, str] = field(repr=False)

    def __call__(self) -> Mapping[str, str]:
        return self.values


@dataclass(frozen=True)
class FileCredentials:
    """`--secret NAME=FILE`: lines of KEY=VALUE, as a shell or Docker reads them.

    `required` are the keys without which it is of no use.
    """

    name: str
    path: Path
    required: tuple[str, ...] = ()

    def __call__(self) -> Mapping[str, str]:
        values = {}
        text = self._text()
        if "\0" in text:
            raise DestinationRefused(
                "CredentialsRefused",
                f"secret {self.name!r}: line {text[: text.index(chr(0))].count(chr(10)) + 1} of "
                f"{self.path} holds a NUL character; save it as UTF-8 text without it",
            )
        for pair in parse_stream(StringIO(text)):
            if pair.error or (pair.key is not None and pair.value is None):
                # The line is not repeated: it may be the password itself.
                raise DestinationRefused(
                    "SecretMissing",
                    f"secret {self.name!r}: line {_line(pair)} of {self.path} is not KEY=VALUE; "
                    f"expected lines such as {_example(self.required)}, one key a line",
                )
            if pair.key is not None and pair.value is not None:
                values[pair.key] = pair.value
        missing = _missing(values, self.required)
        if missing:
            raise DestinationRefused(
                "SecretMissing",
                f"secret {self.name!r}: {self.path} holds no {' and no '.join(missing)}; "
                f"add {'lines' if missing[1:] else 'a line'} such as {_example(missing)}"
                f"{_absent_too(values, missing)}",
            )
        _refuse_misplaced(values, f"secret {self.name!r}: in {self.path} ")
        return values

    def _text(self) -> str:
        try:
            # An editor's byte order mark is no part of the first key.
            return self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DestinationRefused(
                "SecretMissing",
                f"secret {self.name!r}: {self.path} cannot be read ({_reason(error)}); "
                f"give a readable file of KEY=VALUE lines: --secret {self.name}=FILE",
            ) from None


@dataclass(frozen=True)
class DirectoryCredentials:
    """A mounted Secret: a folder with one file a key, as the kubelet keeps it up to date.

    `secret` is its name for the reader; `required` are the keys without which it is of no use.
    """

    secret: str
    path: Path
    keys: tuple[str, ...]
    required: tuple[str, ...] = ()

    def __call__(self) -> Mapping[str, str]:
        folder = self._present()
        values = self._read(folder)
        # The kubelet swaps the whole folder: never take half from the old and half from the new.
        while (present := self._present()) != folder:
            folder, values = present, self._read(present)
        missing = _missing(values, self.required)
        if missing:
            raise DestinationRefused(
                "SecretMissing",
                f"the Secret {self.secret!r} has no {' and no '.join(missing)}: add it to the "
                f"Secret of that name in the Experiment's own namespace"
                f"{_absent_too(values, missing)}",
            )
        nul = holds_nul(values)
        if nul:
            raise DestinationRefused(
                "CredentialsRefused",
                f"the key {nul} of the Secret {self.secret!r} holds a NUL character: take it out",
            )
        _refuse_misplaced(values, f"in the Secret {self.secret!r} ")
        return values

    def _present(self) -> Path:
        """The folder that the mount shows at this moment."""
        swapped = self.path / "..data"
        folder = swapped if swapped.is_symlink() else self.path
        if not folder.is_dir():
            raise DestinationRefused(
                "SecretMissing",
                f"the Secret {self.secret!r} is not mounted at {self.path}: this pod was made "
                "without it, whether or not the namespace has it; see that operator and worker "
                "image are of one release",
            )
        return folder.resolve()

    def _read(self, folder: Path) -> dict[str, str]:
        values = {}
        for key in self.keys:
            with suppress(FileNotFoundError, NotADirectoryError):
                values[key] = self._value(folder / key)
        for key, name in (("PGSSLROOTCERT", AUTHORITY_FILE), ("PGSSLCERT", CERTIFICATE_FILE)):
            if key in self.keys and (folder / name).is_file():
                values.setdefault(key, str(self.path / name))
        if "PGSSLKEY" in self.keys and "PGSSLKEY" not in values and (folder / KEY_FILE).is_file():
            values["PGSSLKEY"] = str(_private_copy(folder / KEY_FILE))
        return values

    def _value(self, file: Path) -> str:
        try:
            # A Secret made from a file or by `echo` ends in a line break that nobody meant.
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except FileNotFoundError:
            raise
        except (OSError, UnicodeDecodeError) as error:
            raise DestinationRefused(
                "SecretMissing",
                f"the key {file.name} of the Secret {self.secret!r} cannot be read: "
                f"{_reason(error)}",
            ) from None


@dataclass(frozen=True)
class EnvironmentCredentials:
    """The process's environment: a `secretName` without `--secret`, or `auth: ambient`.

    `secret` is the one that it stands for, `required` are the keys without which it is of no use.
    """

    keys: tuple[str, ...]
    secret: str | None = None
    required: tuple[str, ...] = ()

    def __call__(self) -> Mapping[str, str]:
        found = {key: os.environ[key] for key in self.keys if key in os.environ}
        missing = _missing(found, self.required)
        if missing:
            raise DestinationRefused(
                "SecretMissing",
                f"the manifest names the secret {self.secret!r}, and there is neither a --secret "
                f"for it nor {' and '.join(missing)} in the environment; use "
                f"--secret {self.secret}=FILE with a file of lines such as "
                f"{_example(self.required)}{_absent_too(found, missing)}",
            )
        stands_for = f", which stands for the secret {self.secret!r}," if self.secret else ""
        _refuse_misplaced(found, f"in the environment{stands_for} ")
        return found


@dataclass(frozen=True)
class ReadingLogin:
    """The login that runs a person's queries, as PG... values.

    `named` tells whether it is PGREADUSER's; else it is the loader's, whose user `loader` is.
    """

    values: Mapping[str, str] = field(repr=False)
    named: bool
    loader: str

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of its user and its password in the secret."""
        return READER_KEYS if self.named else ("PGUSER", "PGPASSWORD")


@dataclass(frozen=True)
class ReadingCredentials:
    """The reading login of a source that holds the loader's and, perhaps, the reader's keys."""

    source: Callable[[], Mapping[str, str]]

    def __call__(self) -> ReadingLogin:
        return reading_login(self.source())


def reading_login(known: Mapping[str, str]) -> ReadingLogin:
    """The login for reading that a secret gives: PGREADUSER's if it names one, else the loader's.

    PGREADUSER logs in with PGREADPASSWORD alone, never with what belongs to the loader.

    Raises:
        DestinationRefused: there is a PGREADPASSWORD without a PGREADUSER.
    """
    loader = known.get("PGUSER", "")
    user, password = (known.get(key, "") for key in READER_KEYS)
    place = {key: value for key, value in known.items() if key not in READER_KEYS}
    if not user:
        if password:
            raise DestinationRefused(
                "CredentialsRefused",
                "the credentials for Postgres hold PGREADPASSWORD but no PGREADUSER: add the "
                "user, the login that runs queries, to the secret, or take the password out",
            )
        return ReadingLogin(place, named=False, loader=loader)
    values = {key: value for key, value in place.items() if key not in _LOADER_KEYS}
    # libpq takes the user's name for the database's if there is none: let it be the loader's.
    database = {"PGDATABASE": known.get("PGDATABASE") or loader}
    values |= database | {"PGUSER": user, "PGPASSWORD": password}
    return ReadingLogin(values, named=True, loader=loader)


def _refuse_misplaced(values: Mapping[str, str], where: str) -> None:
    wrong = misplaced(values)
    if wrong:
        raise DestinationRefused("CredentialsRefused", where + wrong)


def _private_copy(key: Path) -> Path:
    """A copy for this process alone: libpq takes no private key that others may read.

    A mounted one is root's, and readable for whichever user the pod runs as.
    """
    copy = Path(tempfile.gettempdir()) / f"rowmill-{os.getpid()}.key"
    with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.read_bytes())
    return copy


def _missing(values: Mapping[str, str], required: Sequence[str]) -> list[str]:
    # libpq takes a host's number in place of its name.
    given = {**values, "PGHOST": values.get("PGHOST") or values.get("PGHOSTADDR", "")}
    return [key for key in required if not given.get(key)]


def _absent_too(values: Mapping[str, str], missing: Sequence[str]) -> str:
    """What a server may want besides, of a secret that somebody is to add something to anyway."""
    if not set(missing) & set(POSTGRES_REQUIRED):
        return ""
    proven = any(values.get(key) for key in ("PGSSLCERT", "PGPASSFILE", "PGSERVICE"))
    wanted = ("PGDATABASE",) if proven else ("PGPASSWORD", "PGDATABASE")
    absent = [key for key in wanted if not values.get(key)]
    if not absent:
        return ""
    one = len(absent) == 1
    return (
        f"; {' and '.join(absent)} {'is' if one else 'are'} not there either: add "
        f"{'it' if one else 'them'} unless the server does without"
    )


def _line(pair: Binding) -> int:
    """The number of its line, without the empty ones before it, from 1."""
    text = pair.original.string
    return pair.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _example(keys: Sequence[str]) -> str:
    return " and ".join(f"{key}={_EXAMPLES.get(key, '...')}" for key in keys or ("PGHOST",))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or "error"
