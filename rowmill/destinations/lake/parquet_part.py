"""One part on its way to S3: Parquet, streamed as a multipart upload that nobody sees yet."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rowmill.destinations.lake.object_names import part_key, tags
from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.destinations.lake.parquet_writer import PartWriter
from rowmill.destinations.ledger import PendingPart
from rowmill.destinations.s3.bucket import Bucket, UploadGone
from rowmill.plan.layout import Part, TableLayout

CONTENT_TYPE = "application/vnd.apache.parquet"
# All pieces but the last are of one size, at least 5 MiB: some servers insist on both.
PIECE_BYTES = 8 * 2**20
_PIECES_IN_FLIGHT = 1


class PartLost(Exception):
    """The upload went away under the part (aborted by a cleaning or a rule): make it again."""


@dataclass(frozen=True)
class RunTag:
    """What a part's object says of the run that made it: the data version in its bytes.

    All else is metadata of the object, so that the same data has the same bytes in every run.
    """

    owner: str
    run_id: str
    digest: str
    data_version: int


class PartUpload:
    """A part being written. Its memory is one row group and a few pieces, whatever its size.

    Give it the rows of the part in order, then `close`; or `abort` it. `write` and `close` may
    raise DestinationRefused, DestinationUnavailable and PartLost; `abort` it then.

    Args:
        bucket: where it goes.
        prefix: the target's, ending in `/`.
        run: the run that makes it.
        encoding: how the part's table is written.
        layout: the table's, for the row groups.
        part: which part it is.
    """

    def __init__(
        self,
        bucket: Bucket,
        prefix: str,
        run: RunTag,
        encoding: TableEncoding,
        layout: TableLayout,
        part: Part,
    ) -> None:
        self._part = part
        key = part_key(prefix, part.table, part.number, run.run_id)
        self._pieces = _Pieces(bucket, key, tags(run.owner, run.run_id, run.digest))
        self._writer = PartWriter(self._pieces, encoding, layout, part, run.data_version)

    def write(self, slices: Sequence[pa.RecordBatch]) -> None:
        """Take the next rows, in slices of any sizes."""
        self._writer.write(slices)

    def close(self) -> PendingPart:
        """Upload the rest, and return what completes the upload; that is left to publishing."""
        self._writer.close()
        self._pieces.finish()
        return PendingPart(
            table=self._part.table,
            number=self._part.number,
            key=self._pieces.key,
            upload_id=self._pieces.upload_id,
            etags=tuple(self._pieces.etags),
            rows=self._writer.rows,
            bytes=self._pieces.bytes,
            sha256=self._pieces.sha256.hexdigest(),
        )

    def abort(self) -> None:
        """Drop the upload and all that was uploaded."""
        self._pieces.abort()
        self._writer.abort()


class _Pieces(io.RawIOBase):
    """A file to write to whose bytes leave as pieces of a multipart upload, by a thread of its own.

    The upload begins with the first piece, so that a part cut off before it leaves nothing behind.
    """

    def __init__(self, bucket: Bucket, key: str, metadata: dict[str, str]) -> None:
        super().__init__()
        self.key = key
        self.upload_id = ""
        self.etags: list[str] = []
        self.bytes = 0
        self.sha256 = hashlib.sha256()
        self._bucket = bucket
        self._metadata = metadata
        self._open = bytearray()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rowmill-upload")
        self._in_flight: deque[Future[None]] = deque()
        self._stopped = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self._stopped:
            return len(view)
        self._open += view
        while len(self._open) >= PIECE_BYTES:
            self._await_room()
            self._send(bytes(memoryview(self._open)[:PIECE_BYTES]))
            del self._open[:PIECE_BYTES]
        return len(view)

    def finish(self) -> None:
        """Send the last piece, and wait for all; an upload has at least one, if an empty one."""
        if self._open or self.bytes == 0:
            self._await_room()
            self._send(bytes(self._open))
            self._open.clear()
        while self._in_flight:
            self._wait_for_oldest()
        self._thread.shutdown()

    def abort(self) -> None:
        self._stopped = True
        self._thread.shutdown(cancel_futures=True)
        self._in_flight.clear()
        if self.upload_id:
            self._bucket.abort_upload(self.key, self.upload_id)

    def _await_room(self) -> None:
        while len(self._in_flight) >= _PIECES_IN_FLIGHT:
            self._wait_for_oldest()

    def _send(self, piece: bytes) -> None:
        self.bytes += len(piece)
        self._in_flight.append(self._thread.submit(self._upload, piece))

    def _wait_for_oldest(self) -> None:
        try:
            self._in_flight.popleft().result()
        except UploadGone:
            raise PartLost(self.key) from None

    def _upload(self, piece: bytes) -> None:
        if self._stopped:
            return
        try:
            if not self.upload_id:
                self.upload_id = self._bucket.begin_upload(self.key, CONTENT_TYPE, self._metadata)
            self.sha256.update(piece)
            number = len(self.etags) + 1
            self.etags.append(self._bucket.upload_piece(self.key, self.upload_id, number, piece))
        except BaseException:
            # The pieces behind it would only be tried in vain, each for as long as this one.
            self._stopped = True
            raise
