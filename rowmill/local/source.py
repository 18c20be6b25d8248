"""An experiment as one machine has it: a manifest, what is set over it, the secrets' files."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import Lock

from rowmill.engine.request import ABSENT, ApplyRequest, RunRequest
from rowmill.engine.unknown_names import unknown_experiment
from rowmill.errors import Conflict
from rowmill.local.home import remembered
from rowmill.local.home.file_paths import whole_path
from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.home.remembered import MemoryDamaged, Remembered
from rowmill.local.secret_names import refuse_unknown_secrets
from rowmill.plan.run_source import RunSource
from rowmill.spec.dataset import Spec
from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.versions import DEFAULT

START = "start one with: rowmill run -f FILE"
_MOST_KNOWN = 10_000


@dataclass(frozen=True)
class Source:
    """A manifest's text and what the command line sets over it; `label` is its name in messages.

    `asked` is how its last run was asked for, as far as that holds for the runs after it; `kept_as`
    is the name by which this machine remembers it, in `home`.
    """

    label: str
    manifest: str
    scale: str | None
    seed: int | None
    secrets: Mapping[str, Path]
    asked: RunRequest = field(default_factory=RunRequest)
    kept_as: str | None = None
    home: Home = field(default_factory=rowmill_home)

    def spec(self) -> Spec:
        """The spec; raises as `spec_with`, or UnknownSecret for one that it does not name."""
        spec = self.spec_with(Overrides(scale=self.scale, seed=self.seed))
        refuse_unknown_secrets(spec, self.secrets)
        return spec

    def spec_with(self, overrides: Overrides) -> Spec:
        """The spec with other overrides.

        Raises:
            InvalidManifest: the manifest is no good.
            MemoryDamaged: nor is one that this machine remembers, which was when it was run.
        """
        last_version = partial(remembered.last_data_version, self.home)
        try:
            return load_spec(
                self.label, text=self.manifest, overrides=overrides, last_version=last_version
            )
        except InvalidManifest as error:
            if self.kept_as is None:
                raise
            file = remembered.manifest_file(self.home, self.kept_as)
            why = error.problems[0].text
            raise MemoryDamaged(self.kept_as, file, why, error.problems) from None

    def kept(self) -> RunSource:
        """What a run keeps of it; worker/previous_run.py and verify read it back."""
        return RunSource(self.manifest, self.scale, self.seed)

    def remembered(self, name: str) -> Remembered:
        """What this machine remembers of it."""
        return Remembered(
            name, self.manifest, self.scale, self.seed, self.secrets, self.asked.lasting
        )

    @cached_property
    def etag(self) -> str:
        """Changes with the manifest, and with what is set over it."""
        said = "\n".join((str(self.scale), str(self.seed), self.manifest))
        return hashlib.sha256(said.encode()).hexdigest()[:16]


class KnownSpecs:
    """Specs that were read before, of manifests that are looked at again and again.

    They are `for_looks`: a console may know a thousand experiments. Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[str, Spec] = OrderedDict()

    def of(self, source: Source) -> Spec:
        """The spec of `source` as far as its runs are looked at; raises as `Source.spec`."""
        with self._lock:
            spec = self._known.get(source.etag)
        if spec is None or not _holds(spec, source.home):
            spec = source.spec().for_looks()
            with self._lock:
                self._known[source.etag] = spec
                while len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)
        refuse_unknown_secrets(spec, source.secrets)
        return spec


def _holds(spec: Spec, home: Home) -> bool:
    """Whether its manifest is still read by the same data version: another may refuse it."""
    last = remembered.last_data_version(home, spec.name)
    return spec.pins_data_version or spec.data_version == (DEFAULT if last is None else last)


def recalled(home: Home, name: str) -> Source:
    """The source that was last run here under this name.

    Raises:
        NotFound: nothing of that name was run here.
        MemoryDamaged: what is known of it is of no use.
    """
    known = remembered.recall(home, name)
    if known is None:
        names = remembered.names(home)
        instead = "give its manifest, where a command takes -f FILE" if names else START
        raise unknown_experiment(f"no experiment {name!r} was run here", name, names, instead)
    return from_memory(home, known)


def from_memory(home: Home, known: Remembered) -> Source:
    """The source of which this machine remembers that."""
    return Source(
        label=f"the manifest of {known.name}",
        manifest=known.manifest,
        scale=known.scale,
        seed=known.seed,
        secrets=known.secrets,
        asked=known.asked,
        kept_as=known.name,
        home=home,
    )


def refuse_changed(home: Home, name: str, etag: str | None) -> None:
    """See that what was last run here still has this etag; None takes any.

    Raises:
        Conflict: EtagMismatch, or AlreadyExists if there was to be ABSENT.
    """
    if etag is None:
        return
    known = remembered.recall(home, name)
    if etag == ABSENT:
        if known is None:
            return
        raise Conflict("AlreadyExists", f"there is an experiment {name!r} already")
    if known is None or from_memory(home, known).etag != etag:
        raise Conflict(
            "EtagMismatch",
            f"{name} is not what it was: somebody ran another manifest or other options since, "
            "or deleted it; look at it again",
        )


def from_request(home: Home, request: ApplyRequest) -> Source:
    """The source that the engine of a home is asked to run."""
    scale = request.overrides.scale
    return Source(
        label="the manifest",
        manifest=request.manifest,
        scale=None if scale is None else str(scale),
        seed=request.overrides.seed,
        secrets={name: whole_path(file) for name, file in request.secrets.items()},
        asked=request.run_request(),
        home=home,
    )
