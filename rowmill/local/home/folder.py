"""The folder ROWMILL_HOME: what one machine keeps of its servers, and of what ran there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rowmill.errors import Refused
from rowmill.local.home.file_paths import whole_path


@dataclass(frozen=True)
class Home:
    """The paths inside one ROWMILL_HOME; `path` is absolute, nothing need exist yet."""

    path: Path

    @property
    def experiments(self) -> Path:
        """What is known of each experiment: its last manifest and run, its logs, its lock."""
        return self.path / "experiments"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def postgres_data(self) -> Path:
        return self.postgres / "data"

    @property
    def postgres_config(self) -> Path:
        """The settings that the embedded Postgres was started with last."""
        return self.postgres_data / "rowmill.conf"

    @property
    def reserve(self) -> Path:
        """Space beside the data of Postgres that is freed for a removal on a full disk."""
        return self.postgres / "reserve"

    @property
    def s3(self) -> Path:
        return self.path / "s3"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres_log(self) -> Path:
        return self.logs / "postgres.log"

    @property
    def s3_log(self) -> Path:
        return self.logs / "s3.log"

    @property
    def sockets(self) -> Path:
        return self.path / "run"

    @property
    def servers_file(self) -> Path:
        """Ports and credentials of the embedded servers, mode 0600."""
        return self.path / "servers.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "servers.lock"

    @property
    def hold_lock(self) -> Path:
        """Who has it remembers an experiment that is not to be run yet."""
        return self.path / "hold.lock"


def rowmill_home(environ: Mapping[str, str] = os.environ) -> Home:
    """Return the home that ROWMILL_HOME names, or else the platform's user data folder."""
    chosen = environ.get("ROWMILL_HOME", "")
    return Home(whole_path(chosen) if chosen else platformdirs.user_data_path("rowmill").absolute())


def home_refused(home: Home, error: OSError) -> Refused:
    """What the operating system refuses below the home, as an error for the reader."""
    return Refused(
        "FileRefused",
        f"{error.filename or home.path}: {error.strerror}. ROWMILL_HOME ({home.path}) must be a "
        "folder of yours with free disk space; ROWMILL_HOME=FOLDER names another",
    )


def make_private(folder: Path) -> Path:
    """Make a folder and its parents; the folder itself is for its owner alone (0700)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_private(file: Path, text: str, *, durable: bool = True) -> None:
    """Replace a file by one that only its owner reads (0600), whole or not at all.

    Of two processes that do so at once one has its way. What is not `durable` may be lost with the
    machine, and waits for no disk.
    """
    # A draft of its own: another process would replace the file by this one's, half written.
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".new", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
