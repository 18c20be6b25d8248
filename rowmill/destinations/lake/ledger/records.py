"""The objects of a bucket's ledger under `PREFIX/_rowmill/ledger/`: their keys, many at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote

from rowmill.destinations.lake.object_names import records_folder
from rowmill.destinations.lake.records import read_json
from rowmill.destinations.lake.target import PARALLEL
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.spec.dataset import ParquetTarget

T = TypeVar("T")


class LedgerObjects:
    """What the parts of a bucket's ledger share: one bucket, and where in it what lies."""

    def __init__(
        self, address: S3Address, target: ParquetTarget, patience: Patience | None = None
    ) -> None:
        self._connect = partial(Bucket, address, target.bucket, patience=patience)
        self.root = f"{records_folder(target.prefix)}ledger/"

    @cached_property
    def bucket(self) -> Bucket:
        """Connected to when it is first asked for."""
        return self._connect()

    def close(self) -> None:
        if "bucket" in self.__dict__:
            self.bucket.close()

    @property
    def layout_key(self) -> str:
        return f"{self.root}layout.json"

    def folder(self, owner: str) -> str:
        # An owner's name may be longer, and of other characters, than a key bears.
        return f"{self.root}experiments/{sha256(owner.encode()).hexdigest()[:24]}/"

    def experiment_key(self, owner: str) -> str:
        return f"{self.folder(owner)}experiment.json"

    def hold_key(self, owner: str) -> str:
        return f"{self.folder(owner)}hold.json"

    def prepare_key(self, owner: str) -> str:
        return f"{self.folder(owner)}prepare.json"

    def queries_key(self, owner: str) -> str:
        return f"{self.folder(owner)}queries.json"

    def runs_folder(self, owner: str, uid: str) -> str:
        return f"{self.folder(owner)}runs/{quote(uid, safe='')}/"

    def run_key(self, owner: str, uid: str, number: int) -> str:
        return f"{self.runs_folder(owner, uid)}{number:08d}.json"

    def parts_folder(self, run_id: str) -> str:
        return f"{self.root}parts/{run_id}/"

    def folded_key(self, run_id: str) -> str:
        return f"{self.root}parts/{run_id}.json"

    def part_key(self, run_id: str, table: str, number: int) -> str:
        return f"{self.parts_folder(run_id)}{number:05d}-{sha256(table.encode()).hexdigest()}.json"

    def progress_key(self, run_id: str) -> str:
        return f"{self.root}progress/{run_id}.json"

    def pool_key(self, digest: str) -> str:
        return f"{self.root}pools/{quote(digest, safe='')}"

    def keys(self, prefix: str) -> list[str]:
        """Those under `prefix`."""
        return [found.key for found in self.bucket.list(prefix)]

    def load(self, key: str, make: Callable[[Any], T]) -> T | None:
        """What is in an object; None if it is not there."""
        stored = self.bucket.read(key)
        return None if stored is None else read_json(stored.body, self.bucket.url(key), make)

    def load_all(self, keys: list[str], make: Callable[[Any], T]) -> dict[str, T]:
        """What is in the objects that are there, by key."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            loaded = pool.map(lambda key: self.load(key, make), keys)
            found = zip(keys, loaded, strict=True)
            return {key: value for key, value in found if value is not None}

    def delete_all(self, keys: list[str]) -> None:
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(self.bucket.delete, keys))


def to_bytes(data: Any) -> bytes:
    """A record as it is written."""
    return json.dumps(data, ensure_ascii=False).encode()
