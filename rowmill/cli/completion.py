"""Manifests, experiments and tables for the shell, from files and ROWMILL_HOME: no server starts.

Nothing here may fail or say anything: a shell would show it in the midst of what is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import typer

_MANIFESTS = frozenset({".yaml", ".yml", ".json"})


def complete_manifest(incomplete: str) -> list[str]:
    """FILE or `-f FILE`: manifests by their suffix, and the folders that may hold some."""
    return _matching(incomplete, lambda: _manifests(incomplete))


def complete_experiment(ctx: typer.Context, incomplete: str) -> list[str]:
    """NAME: the experiments that ROWMILL_HOME remembers."""
    return _matching(incomplete, _experiments) if _file(ctx) is None else []


def complete_table(ctx: typer.Context, incomplete: str) -> list[str]:
    """`-t TABLE`: the tables of the manifest that is given."""
    # While an option lacks its value, what stands before it is in `args` alone.
    return _matching(incomplete, lambda: _tables(_file(ctx) or Path(ctx.args[0])))


def complete_query(ctx: typer.Context, incomplete: str) -> list[str]:
    """`[NAME] SQL`: an experiment."""
    return complete_experiment(ctx, incomplete) if not _words(ctx) else []


def complete_trace(ctx: typer.Context, incomplete: str) -> list[str]:
    """`[NAME] TABLE KEY...`: an experiment, then one of its tables."""
    words = _words(ctx)
    if _file(ctx) is not None:
        return complete_table(ctx, incomplete) if not words else []
    if not words:
        return complete_experiment(ctx, incomplete)
    return _matching(incomplete, lambda: _tables(words[0])) if len(words) == 1 else []


def _matching(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    with suppress(Exception):
        return [name for name in names() if name.startswith(incomplete)]
    return []


def _words(ctx: typer.Context) -> list[str]:
    return list(ctx.params.get("words") or ())


def _file(ctx: typer.Context) -> Path | None:
    file = ctx.params.get("file") or ctx.params.get("manifest")
    return None if file is None else Path(file)


def _manifests(typed: str) -> list[str]:
    folder, slash, name = typed.rpartition("/")
    found = _entries(folder + slash, name)
    # A shell ends a word that is alone with a space, where within a folder it is to go on.
    while len(found) == 1 and found[0].endswith("/"):
        inner = _entries(found[0], "")
        if not inner:
            break
        found = inner
    return found


def _entries(folder: str, name: str) -> list[str]:
    """Folders, with a slash, and manifests there whose names begin so; hidden ones if asked for."""
    found = (
        each
        for each in Path(folder or ".").expanduser().iterdir()
        if each.name.startswith(name) and (name or not each.name.startswith("."))
    )
    return sorted(
        f"{folder}{each.name}/" if each.is_dir() else f"{folder}{each.name}"
        for each in found
        if each.is_dir() or each.suffix.lower() in _MANIFESTS
    )


def _experiments() -> list[str]:
    from rowmill.local.home import remembered
    from rowmill.local.home.folder import rowmill_home

    return remembered.names(rowmill_home())


def _tables(source: Path | str) -> list[str]:
    """Of a manifest, by file or experiment, valid or not: somebody may be writing it."""
    from rowmill.local.home import remembered
    from rowmill.local.home.folder import rowmill_home
    from rowmill.spec.load import read_manifest
    from rowmill.spec.yaml.reader import read_documents

    if isinstance(source, Path):
        text = read_manifest(source)
    else:
        known = remembered.recall(rowmill_home(), source)
        text = known.manifest if known is not None else ""
    [document] = read_documents(text)
    return [str(table["name"]) for table in document.value["spec"]["tables"]]
