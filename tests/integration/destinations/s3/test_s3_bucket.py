from __future__ import annotations

import uuid
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Patience, Wait, Waited, Waiting
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.servers.embedded import EmbeddedServers
from rowmill.spec.dataset import ParquetTarget
from rowmill.version import VERSION
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy, puts


def anything(method: str, path: str) -> bool:
    return True


def test_stray_variables_and_files_lead_to_no_other_server(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], target: ParquetTarget
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.setenv(name, "stray")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, __file__)

    assert Bucket(S3Address(lambda: keys), target.bucket, patience=Patience(1)).exists()
    assert (
        S3Address(lambda: {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
        .client()
        .meta.endpoint_url.endswith("amazonaws.com")
    )


def test_a_server_is_told_by_whom_it_is_asked(s3: S3Address, target: ParquetTarget) -> None:
    bucket = Bucket(s3, target.bucket)
    asked: list[bytes] = []

    def note(request: Any, **_: object) -> None:
        asked.append(request.headers["User-Agent"])

    bucket._connection.client.meta.events.register("before-send.s3", note)

    assert bucket.exists()

    assert asked == [f"rowmill/{VERSION}".encode()]


def test_the_manifests_endpoint_and_region_win_over_the_secrets(keys: dict[str, str]) -> None:
    address = S3Address(lambda: keys, endpoint="http://s3.example:8333", region="eu-north-1")

    meta = address.client().meta

    assert (meta.endpoint_url, meta.region_name) == ("http://s3.example:8333", "eu-north-1")


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("s3.example", "s3.example"),
        ("ftp://s3.example", "ftp://s3.example"),
        ("http://", "http://"),
        ("http://s3.example:99999", "99999"),
        ("https://me:of-the-endpoint@s3.example", "https://s3.example"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(
    keys: dict[str, str], endpoint: str, shown: str
) -> None:
    with pytest.raises(DestinationRefused, match=r"http://s3\.example:8333") as refused:
        S3Address(lambda: keys, endpoint=endpoint).connect()

    assert refused.value.reason == "EndpointInvalid"
    assert shown in str(refused.value)
    assert "of-the-endpoint" not in str(refused.value)


def test_ambient_takes_the_machines_own_identity(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], target: ParquetTarget
) -> None:
    for name, value in keys.items():
        monkeypatch.setenv(name, value)

    ambient = S3Address(dict, endpoint=keys["AWS_ENDPOINT_URL"], ambient=True)

    assert Bucket(ambient, target.bucket, patience=Patience(1)).exists()


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret-of-mine"}, "does not belong to"),
        ({"AWS_ACCESS_KEY_ID": "WRONGKEYOFMINE"}, "does not know this AWS_ACCESS_KEY_ID"),
    ],
)
def test_wrong_keys_are_refused_at_once_and_not_shown(
    keys: dict[str, str], target: ParquetTarget, change: dict[str, str], cure: str
) -> None:
    wrong = keys | change
    bucket = Bucket(S3Address(lambda: wrong), target.bucket)

    with pytest.raises(DestinationRefused, match=cure) as refused:
        bucket.exists()

    assert refused.value.reason == "CredentialsRefused"
    for text in (str(refused.value), repr(refused.value), repr(S3Address(lambda: wrong).connect())):
        assert wrong["AWS_SECRET_ACCESS_KEY"] not in text
        assert wrong["AWS_ACCESS_KEY_ID"] not in text
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_missing_keys_are_named() -> None:
    with pytest.raises(DestinationRefused, match="lack AWS_SECRET_ACCESS_KEY;") as refused:
        S3Address(lambda: {"AWS_ACCESS_KEY_ID": "x"}).connect()

    assert refused.value.reason == "CredentialsMissing"


def test_a_rotated_secret_is_read_again(keys: dict[str, str], target: ParquetTarget) -> None:
    present = dict(keys, AWS_SECRET_ACCESS_KEY="of-yesterday")
    bucket = Bucket(S3Address(lambda: dict(present)), target.bucket)
    present["AWS_SECRET_ACCESS_KEY"] = keys["AWS_SECRET_ACCESS_KEY"]

    assert bucket.exists()


def test_a_missing_bucket_is_told_with_how_to_make_it(s3: S3Address) -> None:
    bucket = Bucket(s3, f"none-{uuid.uuid4().hex[:8]}")

    assert not bucket.exists()
    with pytest.raises(DestinationRefused, match=f"aws s3 mb s3://{bucket.name}") as refused:
        list(bucket.list(""))
    assert refused.value.reason == "BucketMissing"


def test_a_name_that_no_bucket_can_have_is_refused(s3: S3Address) -> None:
    with pytest.raises(DestinationRefused, match="Invalid bucket name") as refused:
        Bucket(s3, "no bucket").exists()

    assert refused.value.reason == "NameInvalid"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(anything, 3, answer=(503, "SlowDown")),
        Fault(anything, 3, answer=(500, "InternalError")),
        Fault(anything, 2, answer=(502, "")),
        Fault(anything, 2, answer=(400, "RequestTimeout")),
        Fault(anything, 3, cut=True),
        Fault(anything, 1, lose=True),
        Fault(anything, 1, shorten=True),
    ],
    ids=["503", "500", "502", "request-timeout", "cut", "lost", "short"],
)
def test_what_passes_is_tried_again(
    faulty: Bucket, proxy: FaultProxy, target: ParquetTarget, fault: Fault
) -> None:
    faulty.put(f"{target.prefix}a", b"some body")
    proxy.faults = [fault]

    stored = faulty.read(f"{target.prefix}a")

    assert stored is not None
    assert stored.body == b"some body"
    assert fault.times == 0


def test_what_does_not_pass_within_the_patience_is_unavailable(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget
) -> None:
    heard: list[Wait] = []
    bucket = Bucket(through_proxy, target.bucket, patience=Patience(0.2, report=heard.append))
    proxy.faults = [Fault(anything, 1000, answer=(503, "SlowDown"))]

    with pytest.raises(DestinationUnavailable, match="answers 503 SlowDown"):
        bucket.exists()

    assert {wait.place for wait in heard} == {f"S3 at {bucket.where}"}
    assert all("503 SlowDown" in str(wait) for wait in heard[:-1])
    assert heard[-1] == Waited(f"S3 at {bucket.where}", answered=False)


def test_a_server_that_is_not_there_is_unavailable(keys: dict[str, str]) -> None:
    bucket = Bucket(
        S3Address(lambda: keys, endpoint="http://127.0.0.1:1"), "lake", patience=Patience(0.1)
    )

    with pytest.raises(DestinationUnavailable, match=r"cannot be reached \(connection refused\)"):
        bucket.exists()


def test_a_server_is_given_up_soon_if_it_never_answered_and_waited_for_if_it_did(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget
) -> None:
    told: list[Wait] = []
    patience = Patience(seconds=60, contact_seconds=0.05, report=told.append)
    bucket = Bucket(through_proxy, target.bucket, patience=patience)
    proxy.faults = [Fault(anything, 1000, cut=True)]
    with pytest.raises(DestinationUnavailable, match=r"tried for 0 s; check its address"):
        bucket.exists()
    proxy.faults = []
    assert bucket.exists()
    proxy.faults = [Fault(anything, 3, cut=True)]
    told.clear()
    assert bucket.exists()
    assert [wait.left > 1 for wait in told if isinstance(wait, Waiting)] == [True] * 3
    assert told[-1] == Waited(f"S3 at {bucket.where}", answered=True)


def test_refused_keys_are_tried_for_a_while_where_a_rotated_secret_arrives_late(
    keys: dict[str, str], target: ParquetTarget
) -> None:
    wrong = {**keys, "AWS_SECRET_ACCESS_KEY": "not-yet-the-right-one"}
    known = dict(wrong)
    waits: list[float] = []

    def arrive(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            known.update(keys)

    address = S3Address(lambda: dict(known))
    assert Bucket(
        address, target.bucket, patience=Patience(login_seconds=60, sleep=arrive)
    ).exists()
    assert len(waits) == 3
    known.update(wrong)
    with pytest.raises(DestinationRefused, match="refuses the credentials") as refusal:
        Bucket(address, target.bucket, patience=Patience(sleep=arrive)).exists()
    assert refusal.value.reason == "CredentialsRefused"
    assert len(waits) == 3


def test_a_wait_can_be_ended_early(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget
) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    proxy.faults = [Fault(anything, 1000, answer=(503, "SlowDown"))]
    bucket = Bucket(through_proxy, target.bucket, patience=Patience(sleep=stop))

    with pytest.raises(KeyboardInterrupt):
        bucket.exists()


@pytest.mark.parametrize(
    ("answer", "headers", "reason", "says"),
    [
        ((403, "AccessDenied"), {}, "PermissionDenied", "s3:AbortMultipartUpload"),
        ((403, "RequestTimeTooSkewed"), {}, "ClockSkewed", "clock"),
        ((403, "ExpiredToken"), {}, "CredentialsRefused", "renew"),
        ((507, "InsufficientStorage"), {}, "DiskFull", "no space"),
        ((507, ""), {}, "DiskFull", "no space"),
        (
            (301, "PermanentRedirect"),
            {"x-amz-bucket-region": "eu-west-7"},
            "WrongRegion",
            "region: eu-west-7",
        ),
        ((400, "InvalidRequest"), {}, "S3Refused", "400 InvalidRequest: as told"),
    ],
)
def test_what_needs_a_person_is_refused_at_once(
    faulty: Bucket,
    proxy: FaultProxy,
    target: ParquetTarget,
    answer: tuple[int, str],
    headers: dict[str, str],
    reason: str,
    says: str,
) -> None:
    proxy.faults = [Fault(puts, 1000, answer=answer, headers=headers)]

    with pytest.raises(DestinationRefused, match=says) as refused:
        faulty.put(f"{target.prefix}a", b"")

    assert refused.value.reason == reason
    assert len(proxy.seen) <= 2


def test_a_server_that_echoes_a_secret_does_not_get_it_shown(
    faulty: Bucket, proxy: FaultProxy, target: ParquetTarget, keys: dict[str, str]
) -> None:
    secret = keys["AWS_SECRET_ACCESS_KEY"]
    proxy.faults = [Fault(puts, 9, answer=(400, f"Bad{secret}"))]

    with pytest.raises(DestinationRefused, match=r"Bad\*\*\*") as refused:
        faulty.put(f"{target.prefix}a", b"")

    assert secret not in str(refused.value)


def test_the_embedded_engine_can_make_its_bucket(s3: S3Address, servers: EmbeddedServers) -> None:
    bucket = Bucket(s3, f"made-{uuid.uuid4().hex[:8]}")
    try:
        bucket.create()
        bucket.create()
        assert bucket.exists()
    finally:
        s3.client().delete_bucket(Bucket=bucket.name)
