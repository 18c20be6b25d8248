"""Readers that look all along: they must see the run before, or the new one, never a part."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql

_PAUSE = 0.03
Counts = dict[str, int]


class Reader:
    """Polls with `look` until closed; what it returns is a sight that readers must never have."""

    def __init__(self, look: Callable[[], str | None]) -> None:
        self.sights: list[str] = []
        self.looks = 0
        self._look = look
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    @property
    def looking(self) -> bool:
        """Whether it still looks: until it is closed, unless an error of its own ended it."""
        return self._thread.is_alive()

    def close(self) -> None:
        self._end.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._end.wait(_PAUSE):
            # Servers are killed under the readers: then there is nothing to see.
            with suppress(psycopg.Error, BotoCoreError, ClientError):
                sight = self._look()
                self.looks += 1
                if sight is not None:
                    self.sights.append(sight)


def postgres_look(
    connect: Callable[[], psycopg.Connection], schema: str, allowed: Iterable[Counts]
) -> Callable[[], str | None]:
    """Counts of all tables in one snapshot: must be those of one whole run, or no table at all."""
    wanted = list(allowed)
    held: list[psycopg.Connection] = []

    def look() -> str | None:
        if not held or held[0].closed:
            held[:] = [connect()]
            held[0].isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            with held[0].transaction():
                counts = _counts(held[0], schema)
        except psycopg.Error:
            held[0].close()
            raise
        if not counts or counts in wanted:
            return None
        return f"Postgres showed {counts}"

    return look


def _counts(connection: psycopg.Connection, schema: str) -> Counts:
    names = connection.execute(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind = 'r'",
        (schema,),
    ).fetchall()
    return {name: _count(connection, schema, name) for (name,) in names}


def _count(connection: psycopg.Connection, schema: str, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def bucket_look(
    client: Any, bucket: str, prefix: str, allowed: Iterable[Counts]
) -> Callable[[], str | None]:
    """The objects that `current.json` leads to: all there, each whole, with a run's row counts."""
    wanted = list(allowed)

    def look() -> str | None:
        current = _json(client, bucket, f"{prefix}_rowmill/current.json")
        if current is None:
            return None
        sight = _part_of_a_run(client, bucket, prefix, current, wanted)
        if sight is None or _json(client, bucket, f"{prefix}_rowmill/current.json") != current:
            # A newer run was published while this one was read: the reader looks again.
            return None
        return sight

    return look


def _part_of_a_run(
    client: Any, bucket: str, prefix: str, current: dict[str, Any], wanted: list[Counts]
) -> str | None:
    record = _json(client, bucket, f"{prefix}_rowmill/{current['record']}")
    if record is None:
        return f"the record of run {current['number']} is missing"
    counts: Counts = {table["table"]: 0 for table in record["plan"]["tables"]}
    for part in record["parts"]:
        try:
            head = client.head_object(Bucket=bucket, Key=part["key"])
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return f"object {part['key']} of run {current['number']} is missing"
            raise
        if head["ContentLength"] != part["bytes"]:
            return f"object {part['key']} is not whole"
        counts[part["table"]] += part["stop"] - part["start"]
    return None if counts in wanted else f"the bucket showed {counts}"


def _json(client: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    document: dict[str, Any] = json.loads(body)
    return document
