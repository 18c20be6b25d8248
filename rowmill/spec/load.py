"""The public face of `spec`: a file or text becomes a whole `Spec`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path as FilePath

from rowmill.spec.dataset import Dataset, ParquetTarget, PostgresTarget, Resolved, Spec
from rowmill.spec.digest import spec_digest
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.inference import is_passed_over
from rowmill.spec.kinds import Reference
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.problems import positions
from rowmill.spec.manifest.salvage import Salvaged, salvage
from rowmill.spec.manifest.structure import Structure, read_structure
from rowmill.spec.paths import Path, path_of, path_text
from rowmill.spec.places import located
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.resolve import resolve
from rowmill.spec.targets import resolve_targets
from rowmill.spec.values.quantities import parse_quantity
from rowmill.spec.versions import DEFAULT, VERSIONS, check_known
from rowmill.spec.yaml.reader import MAX_BYTES
from rowmill.spec.yaml.scalars import INT64

# One machine has no namespaces; its experiments are told apart by their names.
LOCAL_NAMESPACE = "local"
# Of a manifest's bytes: more than it may have, with a byte order mark.
MOST_READ = MAX_BYTES + 4

# Of an experiment, by its name: the data version of its last run, None if none is known.
LastVersion = Callable[[str], int | None]


def no_run(name: str) -> int | None:
    """The `LastVersion` of one who knows of no runs."""
    return None


@dataclass(frozen=True)
class Overrides:
    """What is set over the manifest from outside; None leaves the manifest's value."""

    scale: str | float | Decimal | None = None
    seed: int | None = None
    rerun: str | None = None


def load_spec(
    source: str | FilePath,
    *,
    text: str | None = None,
    overrides: Overrides = Overrides(),
    last_version: LastVersion = no_run,
) -> Spec:
    """Read the manifest in the file `source`, or `text` (`source` is then only its name).

    A manifest that names no data version is read by its last run's, or else by the default.

    Raises:
        InvalidManifest: with all problems that were found, by path, with lines and names.
    """
    content = read_manifest(FilePath(source)) if text is None else text
    try:
        return _load(content, overrides, last_version)
    except InvalidManifest as error:
        raise InvalidManifest(located(error.problems, content)) from None


def read_manifest(path: FilePath) -> str:
    """The text of a manifest file.

    Raises:
        InvalidManifest: it cannot be read, is not UTF-8 or is larger than 1 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_READ)
    except OSError as error:
        raise _unreadable(path, (error.strerror or "cannot be read").lower()) from None
    except ValueError:
        raise _unreadable("the path", "holds a NUL character") from None
    return decode_manifest(data, path)


def decode_manifest(data: bytes, name: str | FilePath) -> str:
    """The text of a manifest of which `data` are the bytes, or the first MOST_READ of them.

    Raises:
        InvalidManifest: it is not UTF-8 or is larger than 1 MiB; the message begins with `name`.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _unreadable(name, "is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES:
            raise _unreadable(name, "is larger than 1 MiB, the most that is read") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(name, f"is not UTF-8 (line {line}); save it as UTF-8") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(name, "is larger than 1 MiB, the most that is read")
    return text


def sound_parts(text: str) -> Salvaged | None:
    """What is sound in a manifest, wrong or right, for further rules; None if nothing is."""
    try:
        return salvage(read_structure(text))
    except InvalidManifest:
        return None


def _load(text: str, overrides: Overrides, last_version: LastVersion) -> Spec:
    structure = read_structure(text)
    scale, seed, problems = _overridden(overrides)
    if problems or structure.experiment is None:
        known = overrides.scale is None or scale is not None
        found = _all_problems(structure, scale, seed, known, last_version)
        raise InvalidManifest([*problems, *found])
    experiment = _with_rerun(structure.experiment, overrides.rerun)
    data_version = _data_version(experiment, last_version)
    return _assemble(experiment, scale, seed, data_version, text)


def _data_version(experiment: Experiment, last_version: LastVersion) -> int:
    """The data version that a manifest is read by; raises InvalidManifest for an unknown last one.

    That the manifest's own is unknown is told beside its other problems.
    """
    wanted = experiment.spec.data_version
    if wanted is not None:
        return wanted if wanted in VERSIONS else DEFAULT
    last = last_version(experiment.metadata.name)
    if last is None:
        return DEFAULT
    _refuse_unknown(last)
    return last


def _refuse_unknown(data_version: int) -> None:
    try:
        check_known(data_version)
    except ValueError as error:
        raise InvalidManifest([Problem("", str(error))]) from None


def _assemble(
    experiment: Experiment, scale: Decimal | None, seed: int | None, data_version: int, text: str
) -> Spec:
    dataset, surprises, (parquet, postgres) = _resolve_reporting(
        experiment, scale, seed, data_version
    )
    spec = experiment.spec
    return Spec(
        name=experiment.metadata.name,
        namespace=LOCAL_NAMESPACE,
        digest=spec_digest(experiment, dataset, parquet, postgres),
        rerun=spec.rerun,
        dataset=dataset,
        pins_data_version=spec.data_version is not None,
        parquet=parquet,
        postgres=postgres,
        parallelism=spec.parallelism,
        batch_rows=spec.batch_rows,
        memory_limit=_memory_limit(experiment),
        retries_per_shard=spec.retries_per_shard,
        run_history_limit=spec.run_history_limit,
        verify_after_run=spec.verify == "AfterRun",
        suspended=spec.suspend,
        surprises=surprises,
        unguessed=_unguessed(experiment, dataset),
        resolve_again=_Resolver(experiment, scale, seed, text, data_version),
    )


@dataclass(frozen=True)
class _Resolver:
    """Resolves a manifest of this text, valid by `read_by`, by a run's data version.

    `scale` and `seed` are those from outside.
    """

    experiment: Experiment
    scale: Decimal | None
    seed: int | None
    text: str
    read_by: int

    def __call__(self, data_version: int) -> Resolved:
        """What it comes to by that version; raises InvalidManifest."""
        _refuse_unknown(data_version)
        try:
            dataset, surprises, _ = _resolve_reporting(
                self.experiment, self.scale, self.seed, data_version, other=self.read_by
            )
        except InvalidManifest as error:
            raise InvalidManifest(located(error.problems, self.text)) from None
        return Resolved(dataset, surprises, _unguessed(self.experiment, dataset))


def _unguessed(experiment: Experiment, dataset: Dataset) -> tuple[str, ...]:
    return tuple(path_text(path) for path in _passed_over(experiment, dataset))


def _passed_over(experiment: Experiment, dataset: Dataset) -> Iterator[Path]:
    """The columns without a generator that are not filled by their names, because unique."""
    for i, table in enumerate(experiment.spec.tables):
        for j, spec in enumerate(table.columns):
            made = dataset.tables[i]
            column = made.columns[j]
            given = spec.generate is not None or isinstance(column.kind, Reference)
            if given or not column.unique:
                continue
            if is_passed_over(
                spec.name, spec.type, dataset.locale, made.rows, dataset.data_version
            ):
                yield ("spec", "tables", i, "columns", j)


# The dataset, what may fail in Postgres, and the targets.
_Found = tuple[Dataset, tuple[Problem, ...], tuple[ParquetTarget | None, PostgresTarget | None]]


def _resolve_reporting(
    experiment: Experiment,
    scale: Decimal | None,
    seed: int | None,
    data_version: int,
    doubts: Doubts = NO_DOUBTS,
    other: int = DEFAULT,
) -> _Found:
    """As `_resolve`; what the version alone refuses is told as that, with the way out if `other`.

    A version that the manifest names is seen there.
    """
    try:
        return _resolve(experiment, scale, seed, data_version, doubts)
    except InvalidManifest as error:
        if data_version in (other, experiment.spec.data_version):
            raise
        problems = error.problems
    way_out = ""
    common: Sequence[Problem] = ()
    try:
        _resolve(experiment, scale, seed, other, doubts)
        way_out = f"; `dataVersion: {other}` takes it as it is"
    except InvalidManifest as error:
        common = error.problems
    why = f"(by data version {data_version}, that of its last run{way_out})"
    raise InvalidManifest(
        each if each in common else replace(each, message=f"{each.message} {why}")
        for each in problems
    )


def _resolve(
    experiment: Experiment,
    scale: Decimal | None,
    seed: int | None,
    data_version: int,
    doubts: Doubts = NO_DOUBTS,
) -> _Found:
    spec = experiment.spec
    problems: list[Problem] = []
    resolved = targets = None
    try:
        resolved = resolve(
            experiment,
            spec.scale if scale is None else scale,
            spec.seed if seed is None else seed,
            data_version,
            doubts,
        )
    except InvalidManifest as error:
        problems += error.problems
    try:
        targets = resolve_targets(experiment, doubts)
    except InvalidManifest as error:
        problems += error.problems
    if resolved is None or targets is None:
        raise InvalidManifest(problems)
    return *resolved, targets


def _all_problems(
    structure: Structure,
    scale: Decimal | None,
    seed: int | None,
    scale_known: bool,
    last_version: LastVersion,
) -> list[Problem]:
    """The structure's problems, and those of the rules that depend on nothing that is wrong.

    A scale from outside is known whatever the manifest has, unless it is wrong itself.
    """
    problems = [fault.problem for fault in structure.faults]
    sound = salvage(structure)
    if sound is None:
        return problems
    doubts = sound.doubts
    if scale is not None or not scale_known:
        doubts = doubts.but(("spec", "scale"), known=scale_known)
    try:
        data_version = _data_version(sound.experiment, last_version)
        _resolve_reporting(sound.experiment, scale, seed, data_version, doubts)
    except InvalidManifest as error:
        problems += error.problems
    place = positions(structure.raw)
    return sorted(problems, key=lambda problem: place(path_of(problem.path)))


def _memory_limit(experiment: Experiment) -> int | None:
    resources = experiment.spec.resources
    limits = resources.limits if resources is not None else None
    if limits is None or limits.memory is None:
        return None
    return int(parse_quantity(str(limits.memory)))


def _overridden(overrides: Overrides) -> tuple[Decimal | None, int | None, list[Problem]]:
    """The scale and the seed from outside, and what is wrong with them."""
    problems: list[Problem] = []
    scale = seed = None
    try:
        scale = _override_scale(overrides)
    except InvalidManifest as error:
        problems += error.problems
    try:
        seed = _override_seed(overrides)
    except InvalidManifest as error:
        problems += error.problems
    return scale, seed, problems


def _override_scale(overrides: Overrides) -> Decimal | None:
    if overrides.scale is None:
        return None
    try:
        # A float stands for its shortest text: 0.1 means one tenth.
        scale = Decimal(str(overrides.scale))
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or scale <= 0:
        message = f"the scale {str(overrides.scale)[:40]} is no number above 0; give, say, 0.1"
        raise InvalidManifest([Problem("", message)])
    return scale


def _with_rerun(experiment: Experiment, rerun: str | None) -> Experiment:
    if rerun is None:
        return experiment
    spec = experiment.spec.model_copy(update={"rerun": rerun})
    return experiment.model_copy(update={"spec": spec})


def _override_seed(overrides: Overrides) -> int | None:
    seed = overrides.seed
    if seed is not None and not INT64[0] <= seed <= INT64[1]:
        message = f"the seed {seed} is out of range; a seed is {INT64[0]} to {INT64[1]}"
        raise InvalidManifest([Problem("", message)])
    return seed


def _unreadable(path: str | FilePath, what: str) -> InvalidManifest:
    return InvalidManifest([Problem("", f"{path}: {what}")])
