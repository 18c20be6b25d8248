"""Clients of the embedded servers, by no code of the product's own."""

from __future__ import annotations

import boto3
import psycopg
from mypy_boto3_s3 import S3Client

from rowmill.local.servers.embedded import EmbeddedServers, PostgresServer, S3Server


def login(
    server: PostgresServer,
    *,
    host: str | None = None,
    user: str | None = None,
    password: str | None = None,
) -> psycopg.Connection:
    return psycopg.connect(
        host=host or server.host,
        port=server.port,
        user=user or server.user,
        password=password or server.password,
        dbname=server.dbname,
    )


def client(server: S3Server, *, secret: str | None = None) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret or server.secret_key,
    )


def store(servers: EmbeddedServers, text: str) -> None:
    with login(servers.postgres) as connection:
        connection.execute("CREATE TABLE kept AS SELECT %s::text AS word", (text,))
    client(servers.s3).put_object(Bucket=servers.s3.bucket, Key="word", Body=text.encode())


def stored(servers: EmbeddedServers) -> tuple[str, bytes]:
    with login(servers.postgres) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    body = client(servers.s3).get_object(Bucket=servers.s3.bucket, Key="word")["Body"]
    return row[0], body.read()
