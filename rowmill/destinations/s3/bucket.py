"""One bucket: the few operations that Rowmill needs of any S3, retried, in its own words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Course, JointWait, Patience, Waited, Waiting
from rowmill.destinations.retries import persist
from rowmill.destinations.s3.client import S3Address, hide
from rowmill.destinations.s3.errors import (
    S3_ERRORS,
    bucket_missing,
    code,
    is_credentials,
    no_conditions,
    passes,
    problem_of,
    refusal,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_WRITE = "rowmill-write"


class UploadGone(Exception):
    """The multipart upload is not there any more: aborted, completed or swept by a bucket rule."""


@dataclass(frozen=True)
class Stored:
    """An object that was read; `modified` and `seen` (the answer's time) are the server's clock."""

    body: bytes
    etag: str
    modified: datetime
    seen: datetime


@dataclass(frozen=True)
class Head:
    etag: str
    size: int
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Listed:
    key: str
    size: int


class Bucket:
    """A bucket of an S3; safe to share between threads.

    Every method retries what passes, and may raise DestinationRefused or DestinationUnavailable.

    Args:
        address: the S3.
        name: the bucket's.
        patience: how long to try, and who is told of it.
    """

    def __init__(self, address: S3Address, name: str, *, patience: Patience | None = None) -> None:
        self.name = name
        self._address = address
        self._patience = patience or Patience()
        self._waits = JointWait(self._patience.report)
        # Shared by all copies: whether the server ever answered.
        self._answered = Event()
        self._connection = address.connect()

    def hurried(self, seconds: float) -> Bucket:
        """The same bucket and connections, with at most so much patience, and in silence."""
        other = copy(self)
        other._patience = self._patience.hurried(seconds)
        other._waits = JointWait(other._patience.report)
        return other

    @property
    def where(self) -> str:
        """The server's name for the reader."""
        return self._connection.where

    def close(self) -> None:
        self._connection.client.close()

    def exists(self) -> bool:
        # A listing and not a HEAD: its refusals have a body that says why.
        try:
            self._call(
                f"list s3://{self.name}",
                lambda s3: s3.list_objects_v2(Bucket=self.name, MaxKeys=1),
                expected={"NoSuchBucket"},
            )
        except _Expected:
            return False
        return True

    def missing(self) -> DestinationRefused:
        """The refusal to raise when it does not exist."""
        return bucket_missing(self.name, self.where)

    def create(self) -> None:
        with suppress(_Expected):
            self._call(
                f"make bucket {self.name}",
                lambda s3: s3.create_bucket(Bucket=self.name),
                expected={"BucketAlreadyOwnedByYou", "BucketAlreadyExists"},
            )

    def read(self, key: str) -> Stored | None:
        """The whole object, or None; for the small ones."""

        def get(s3: S3Client) -> Stored:
            answer = s3.get_object(Bucket=self.name, Key=key)
            return Stored(
                answer["Body"].read(), answer["ETag"], answer["LastModified"], _answered_at(answer)
            )

        try:
            return self._call(f"read {self.url(key)}", get, expected={"NoSuchKey"})
        except _Expected:
            return None

    def read_range(self, key: str, start: int, stop: int) -> bytes | None:
        """Bytes [start, stop) of an object, fewer if it ends before; None if there is none."""

        def get(s3: S3Client) -> bytes:
            span = f"bytes={start}-{stop - 1}"
            body: bytes = s3.get_object(Bucket=self.name, Key=key, Range=span)["Body"].read()
            return body

        try:
            return self._call(f"read {self.url(key)}", get, expected={"NoSuchKey", "InvalidRange"})
        except _Expected as refused:
            return b"" if refused.code == "InvalidRange" else None

    def head(self, key: str) -> Head | None:
        def ask(s3: S3Client) -> Head:
            answer = s3.head_object(Bucket=self.name, Key=key)
            return Head(answer["ETag"], answer["ContentLength"], answer["Metadata"])

        try:
            return self._call(f"read {self.url(key)}", ask, expected={"NoSuchKey"})
        except _Expected:
            return None

    def put(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        self._call(
            f"write {self.url(key)}",
            lambda s3: s3.put_object(
                Bucket=self.name, Key=key, Body=body, ContentType=content_type
            ),
        )

    def put_if(self, key: str, body: bytes, etag: str | None) -> str | None:
        """Write an object only if it is still the one with `etag`, or with None only if none is.

        Returns:
            The new object's ETag, or None if somebody else was faster. A write whose answer was
            lost is known again by a mark in its metadata, and counts as done.
        """
        mark = uuid.uuid4().hex
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = self._call(
                f"write {self.url(key)}",
                lambda s3: s3.put_object(
                    Bucket=self.name,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    Metadata={_WRITE: mark},
                    **condition,
                ),
                expected={"PreconditionFailed", "NoSuchKey", "NotImplemented"},
            )
        except _Expected as refused:
            if refused.code == "NotImplemented":
                raise no_conditions(self.where) from None
            head = self.head(key)
            return head.etag if head and head.metadata.get(_WRITE) == mark else None
        return answer["ETag"]

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin with `prefix`, in the order of their keys."""
        more: Any = {}

        def ask(s3: S3Client) -> Any:
            return s3.list_objects_v2(Bucket=self.name, Prefix=prefix, **more)

        while True:
            page = self._call(f"list {self.url(prefix)}", ask)
            for found in page.get("Contents", []):
                yield Listed(found["Key"], found["Size"])
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            more = {"ContinuationToken": token}

    def delete(self, key: str, etag: str | None = None) -> None:
        """Delete an object, given an `etag` only if it is still the one; none there is as good."""
        condition: Any = {} if etag is None else {"IfMatch": etag}
        of_conditions = {"PreconditionFailed", "NotImplemented"} if condition else set()
        try:
            self._call(
                f"delete {self.url(key)}",
                lambda s3: s3.delete_object(Bucket=self.name, Key=key, **condition),
                expected={"NoSuchKey", *of_conditions},
            )
        except _Expected as refused:
            # Those on a DELETE are younger than those on a PUT, and not every server has them.
            if refused.code == "NotImplemented":
                self.delete(key)

    def begin_upload(self, key: str, content_type: str, metadata: Mapping[str, str]) -> str:
        """Begin a multipart upload and return its id."""
        answer = self._call(
            f"write {self.url(key)}",
            lambda s3: s3.create_multipart_upload(
                Bucket=self.name, Key=key, ContentType=content_type, Metadata=dict(metadata)
            ),
        )
        return answer["UploadId"]

    def upload_piece(self, key: str, upload_id: str, number: int, body: bytes) -> str:
        """Upload piece `number` (from 1) and return its ETag.

        Raises:
            UploadGone: the upload is not there any more.
        """
        try:
            answer = self._call(
                f"write {self.url(key)}",
                lambda s3: s3.upload_part(
                    Bucket=self.name, Key=key, UploadId=upload_id, PartNumber=number, Body=body
                ),
                expected={"NoSuchUpload"},
            )
        except _Expected:
            raise UploadGone(self.url(key)) from None
        return answer["ETag"]

    def complete_upload(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Turn the pieces into the object, visible from now on.

        Raises:
            UploadGone: the upload is not there any more, or not with these pieces. It may have
                been completed before: look at the key.
        """
        pieces: Any = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
        try:
            self._call(
                f"complete {self.url(key)}",
                lambda s3: s3.complete_multipart_upload(
                    Bucket=self.name,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": pieces},
                ),
                expected={"NoSuchUpload", "InvalidPart", "InvalidPartOrder"},
            )
        except _Expected:
            raise UploadGone(self.url(key)) from None

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Drop an upload and its pieces; none being there is as good."""
        with suppress(_Expected):
            self._call(
                f"abort the upload of {self.url(key)}",
                lambda s3: s3.abort_multipart_upload(Bucket=self.name, Key=key, UploadId=upload_id),
                expected={"NoSuchUpload", "NoSuchKey"},
            )

    def uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Key and upload id of every unfinished upload whose key begins with `prefix`."""
        more: Any = {}

        def ask(s3: S3Client) -> Any:
            return s3.list_multipart_uploads(Bucket=self.name, Prefix=prefix, **more)

        while True:
            page = self._call(f"list the uploads of {self.url(prefix)}", ask)
            for found in page.get("Uploads", []):
                # Some servers read the prefix as a folder and list more than asked for.
                if found["Key"].startswith(prefix):
                    yield found["Key"], found["UploadId"]
            key = page.get("NextKeyMarker")
            if not page.get("IsTruncated") or not key:
                return
            more = {"KeyMarker": key, "UploadIdMarker": page.get("NextUploadIdMarker", "")}

    def url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def _call(
        self,
        doing: str,
        operation: Callable[[S3Client], T],
        *,
        expected: Collection[str] = (),
    ) -> T:
        """Run one operation with retries; codes in `expected` are raised as _Expected."""
        report = self._waits.of_one()
        try:
            return persist(
                lambda: self._try(operation),
                self._patience_for,
                on_retry=lambda error, left: report(self._waiting(error, left)),
                on_end=lambda answered: report(Waited(self._place, answered)),
                sleep=self._patience.sleep,
            )
        except S3_ERRORS as error:
            if code(error) in expected:
                raise _Expected(code(error)) from None
            if passes(error):
                raise DestinationUnavailable(self._given_up(doing, error)) from None
            refused = refusal(error, doing, self.name, self.where)
            raise DestinationRefused(refused.reason, self._hide(str(refused))) from None

    @property
    def _place(self) -> str:
        return f"S3 at {self.where}"

    def _waiting(self, error: BaseException, left: float) -> Waiting:
        # A server that refuses keys for now is told of as one in trouble is.
        words = (
            self._hide(problem_of(error)) if passes(error) else f"refuses the keys ({code(error)})"
        )
        return Waiting(self._place, words, left)

    def _given_up(self, doing: str, error: BaseException) -> str:
        found = self._hide(f"cannot {doing}: {self._place}: {problem_of(error)}")
        check = "" if self._answered.is_set() else "check its address, or "
        return (
            f"{found}. It was tried for {self._patience_for(error):.0f} s; {check}try again when "
            "the server is well: an unfinished run resumes"
        )

    def _patience_for(self, error: BaseException) -> float:
        if is_credentials(error):
            return self._patience.for_course(Course.LOGIN)
        if not passes(error):
            return 0.0
        reached = self._answered.is_set()
        return self._patience.for_course(Course.PASSES if reached else Course.CONTACT)

    def _try(self, operation: Callable[[S3Client], T]) -> T:
        try:
            result = self._with_fresh_keys(operation)
        except ClientError:
            self._answered.set()
            raise
        self._answered.set()
        return result

    def _with_fresh_keys(self, operation: Callable[[S3Client], T]) -> T:
        """Run an operation; refused keys are read once more, for they may have been rotated."""
        try:
            return operation(self._connection.client)
        except S3_ERRORS as error:
            if not is_credentials(error):
                raise
            fresh = self._address.connect()
            if fresh.secrets == self._connection.secrets:
                raise
            self._connection = fresh
        return operation(self._connection.client)

    def _hide(self, text: str) -> str:
        return hide(text, self._connection.secrets)


class _Expected(Exception):
    """An error that the caller has an answer to."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def _answered_at(answer: Any) -> datetime:
    sent = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(sent) if sent else datetime.now(UTC)
