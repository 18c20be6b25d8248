from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.spec.dataset import ParquetTarget, ParquetTypes
from tests.integration.destinations.s3.fault_proxy import FaultProxy


@pytest.fixture(scope="session")
def keys(servers: EmbeddedServers) -> dict[str, str]:
    """The AWS_... variables of the embedded server."""
    return {name: value for name, value in exports(servers).items() if name.startswith("AWS_")}


@pytest.fixture(scope="session")
def s3(keys: dict[str, str]) -> S3Address:
    return S3Address(lambda: keys)


@pytest.fixture(scope="session")
def shared_bucket(s3: S3Address, servers: EmbeddedServers) -> Iterator[Bucket]:
    bucket = Bucket(s3, servers.s3.bucket)
    yield bucket
    bucket.close()


@pytest.fixture
def target(shared_bucket: Bucket) -> Iterator[ParquetTarget]:
    """A prefix of the test's own in the embedded server's bucket, empty again afterwards."""
    root = f"test-{uuid.uuid4().hex}/"
    yield ParquetTarget(
        bucket=shared_bucket.name,
        prefix=f"{root}shop/",
        endpoint=None,
        region=None,
        secret_name="lake",
        ambient=False,
        compression="zstd",
        types=ParquetTypes.PORTABLE,
        replace=False,
    )
    for key, upload_id in list(shared_bucket.uploads(root)):
        shared_bucket.abort_upload(key, upload_id)
    for found in list(shared_bucket.list(root)):
        shared_bucket.delete(found.key)


@pytest.fixture
def names(shared_bucket: Bucket, target: ParquetTarget) -> Callable[[], list[str]]:
    """The keys under the target's prefix, without it."""
    return lambda: [
        found.key.removeprefix(target.prefix) for found in shared_bucket.list(target.prefix)
    ]


@pytest.fixture
def lake_of(s3: S3Address, target: ParquetTarget) -> Iterator[Callable[..., Lake]]:
    """Makes the lake of an owner at the test's prefix; changes to the target by keyword."""
    made: list[Lake] = []

    def make(owner: str = "me@here/local/shop", **changes: object) -> Lake:
        changed = replace(target, **changes)  # type: ignore[arg-type] # fields of any type
        lake = Lake(s3, changed, owner, patience=Patience(20))
        made.append(lake)
        return lake

    yield make
    for lake in made:
        lake.close()


@pytest.fixture
def proxy(servers: EmbeddedServers) -> Iterator[FaultProxy]:
    with FaultProxy(servers.s3.endpoint).running() as running:
        yield running


@pytest.fixture
def through_proxy(proxy: FaultProxy, keys: dict[str, str]) -> S3Address:
    return S3Address(lambda: keys, endpoint=proxy.endpoint)


@pytest.fixture
def faulty(through_proxy: S3Address, target: ParquetTarget) -> Bucket:
    return Bucket(through_proxy, target.bucket, patience=Patience(20))
