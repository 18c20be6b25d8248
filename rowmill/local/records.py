"""What ROWMILL_HOME remembers of an experiment: its last manifest and where its secrets are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from rowmill.local.home import Home, make_private, write_private


@dataclass(frozen=True)
class ExperimentRecord:
    """One experiment as last run here: the manifest's text, overrides, secret files by name."""

    name: str
    manifest: str
    scale: str | None
    seed: int | None
    secrets: Mapping[str, Path]


def keep(home: Home, record: ExperimentRecord) -> None:
    """Remember an experiment, replacing what was known of it."""
    make_private(home.path)
    make_private(home.experiments)
    folder = make_private(_folder(home, record.name))
    # The manifest first: a record never points at a text that is not there.
    write_private(folder / "manifest.yaml", record.manifest)
    write_private(
        folder / "record.json",
        json.dumps(
            {
                "scale": record.scale,
                "seed": record.seed,
                "secrets": {name: str(path) for name, path in record.secrets.items()},
            },
            indent=1,
        ),
    )


def recall(home: Home, name: str) -> ExperimentRecord | None:
    """What is known of the experiment `name`, or None."""
    folder = _folder(home, name)
    try:
        manifest = (folder / "manifest.yaml").read_text(encoding="utf-8")
        known = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    secrets = {name: Path(path) for name, path in known["secrets"].items()}
    return ExperimentRecord(name, manifest, known["scale"], known["seed"], secrets)


def names(home: Home) -> list[str]:
    """The experiments known here, sorted."""
    if not home.experiments.is_dir():
        return []
    return sorted(unquote(folder.name) for folder in home.experiments.iterdir() if folder.is_dir())


def forget(home: Home, name: str) -> None:
    """Forget an experiment; no error if it is not known."""
    shutil.rmtree(_folder(home, name), ignore_errors=True)


def _folder(home: Home, name: str) -> Path:
    # A name typed by hand (`rowmill status ../x`) must not leave the folder.
    return home.experiments / quote(name, safe="").replace(".", "%2E")
