"""What the older runs left: dumped by make_older.py, and brought into a test's own servers."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.type_defs import CompletedPartTypeDef
from psycopg import sql

from tests.integration.experiments import Connection
from tests.integration.older.older_runs import LEDGER

STATES = Path(__file__).with_name("states")
DUMP = STATES / "postgres.sql"
OBJECTS = STATES / "bucket.json"
HOME = STATES / "home.json"
BUNDLE = STATES / "pod-run.json"
# In place of what differs from machine to machine.
HOST, HOST_NAME, SECRETS = "@HOST@", "@HOST-NAME@", "@SECRETS@"


def lease_host() -> str:
    """This machine as a lease in a bucket names it."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def restore_postgres(database: Connection, changes: Mapping[str, str]) -> None:
    """Bring an empty database to the dumped state, but for texts that change."""
    for statement, rows in _statements(changed(DUMP.read_text("utf-8"), changes)):
        if rows is None:
            database.execute(statement.encode())
            continue
        with database.cursor().copy(statement.encode()) as copy:
            copy.write(rows)
    # A restored table has another OID, which is part of a claim.
    database.execute(
        sql.SQL(
            "UPDATE {}.tables SET table_oid = format('%I.%I', schema_name, table_name)::regclass "
            "WHERE table_oid IS NOT NULL"
        ).format(sql.Identifier(LEDGER))
    )


def restore_bucket(
    s3: S3Client, bucket: str, changes: Mapping[str, str], *, uploads: bool
) -> dict[str, str]:
    """Bring an empty bucket to the dumped state; returns new upload ids by those of the dump.

    Without `uploads` these are gone, as by a rule of the bucket. Parquet objects stay as they are.
    """
    dumped = json.loads(OBJECTS.read_text("utf-8"))
    begun = _begin_uploads(s3, bucket, dumped["uploads"]) if uploads else {}
    here = {HOST: lease_host(), HOST_NAME: socket.gethostname()}
    for each in dumped["objects"]:
        s3.put_object(
            Bucket=bucket,
            Key=each["key"],
            Body=_body(each, {**changes, **here, **begun}),
            Metadata=each["metadata"],
            ContentType=each["type"],
        )
    return begun


def rename_uploads(database: Connection, begun: Mapping[str, str]) -> None:
    """Put the ids of the uploads begun anew into the dumped ledger."""
    statement = sql.SQL("UPDATE {}.parts SET upload_id = %s WHERE upload_id = %s")
    for old, new in begun.items():
        database.execute(statement.format(sql.Identifier(LEDGER)), (new, old))


def restore_home(folder: Path, secrets: Path, changes: Mapping[str, str]) -> None:
    """Write what ROWMILL_HOME remembered; the secrets' files lie in the folder `secrets`."""
    for name, text in json.loads(HOME.read_text("utf-8")).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(changed(text, {**changes, SECRETS: str(secrets)}), "utf-8")


def dump_bucket(s3: S3Client, bucket: str, note: str) -> None:
    """Write all objects and all pending uploads, which are completed for it."""
    every = [_dumped(s3, bucket, key) for key in _keys(s3, bucket)]
    begun = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    uploads = {each["Key"]: each["UploadId"] for each in begun}
    assert len(uploads) == len(begun), "the loader makes one upload a key"
    for key, upload in uploads.items():
        pieces = s3.list_parts(Bucket=bucket, Key=key, UploadId=upload)["Parts"]
        assert len(pieces) == 1, "the loader makes uploads of one piece"
        piece: CompletedPartTypeDef = {"PartNumber": 1, "ETag": pieces[0]["ETag"]}
        s3.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": [piece]}
        )
    pending = [{"upload": uploads[key], **_dumped(s3, bucket, key)} for key in sorted(uploads)]
    text = json.dumps({"": note, "objects": every, "uploads": pending}, indent=0, sort_keys=True)
    name = f'\\"name\\": \\"{socket.gethostname()}\\"'
    text = text.replace(name, name.replace(socket.gethostname(), HOST_NAME))
    OBJECTS.write_text(text.replace(lease_host(), HOST) + "\n", "utf-8")


def _keys(s3: S3Client, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (each["Key"] for each in page.get("Contents", []))


def _dumped(s3: S3Client, bucket: str, key: str) -> dict[str, Any]:
    found = s3.get_object(Bucket=bucket, Key=key)
    body = found["Body"].read()
    known = {"key": key, "metadata": found["Metadata"], "type": found["ContentType"]}
    try:
        return {**known, "text": body.decode()}
    except UnicodeDecodeError:
        return {**known, "base64": base64.b64encode(body).decode()}


def _begin_uploads(s3: S3Client, bucket: str, pending: list[dict[str, Any]]) -> dict[str, str]:
    begun = {}
    for each in pending:
        place = {"Bucket": bucket, "Key": each["key"]}
        upload = s3.create_multipart_upload(
            Metadata=each["metadata"], ContentType=each["type"], **place
        )["UploadId"]
        s3.upload_part(UploadId=upload, PartNumber=1, Body=_body(each, {}), **place)
        begun[each["upload"]] = upload
    return begun


def _body(dumped: Mapping[str, Any], changes: Mapping[str, str]) -> bytes:
    if "base64" in dumped:
        return base64.b64decode(dumped["base64"])
    return changed(dumped["text"], changes).encode()


def changed(text: str, changes: Mapping[str, str]) -> str:
    """A text of the dump as it is to be here."""
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _statements(dump: str) -> Iterator[tuple[str, str | None]]:
    """The statements of a dump, each with the rows of a COPY or None."""
    lines = iter(dump.splitlines(keepends=True))
    plain: list[str] = []
    for line in lines:
        if not (line.startswith("COPY ") and line.endswith("FROM stdin;\n")):
            # psql's own commands begin so.
            plain.append("" if line.startswith("\\") else line)
            continue
        yield "".join(plain), None
        plain = []
        yield line, "".join(_until_the_end(lines))
    yield "".join(plain), None


def _until_the_end(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "\\.\n":
            return
        yield line
