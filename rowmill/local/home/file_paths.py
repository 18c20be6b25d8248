"""A path that a user gave, as it is kept and shown: whole, for a later command elsewhere too."""

from __future__ import annotations

import os
from pathlib import Path


def whole_path(given: str | Path) -> Path:
    """The path from the root, without `..` and with the home for a leading `~`.

    Links stay as they are: whoever turns one to another file means what it leads to then.
    """
    # No shell puts the home for the ~ of NAME=~/FILE.
    path = Path(os.path.expanduser(given)).absolute()
    plain = Path(os.path.normpath(path))
    # Behind a link to a folder `..` is not the folder before it.
    return plain if plain.parent.resolve() == path.parent.resolve() else path
