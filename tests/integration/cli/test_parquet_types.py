"""The types of Parquet objects, from the manifest to a repeat, a restart and a rerun."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.local.servers.embedded import EmbeddedServers
from tests.integration.cli.commands import Commands
from tests.integration.embedded_clients import client
from tests.integration.experiments import Manifest, manifest

KEYS = {
    "name": "keys",
    "rows": 1_500,
    "columns": [{"name": "key", "type": "uuid"}, {"name": "at", "type": "time"}],
}


def test_the_types_of_a_run_hold_until_another_run(
    name: str, commands: Commands, servers: EmbeddedServers
) -> None:
    def content(types: str | None, **spec: Any) -> Manifest:
        parquet = {} if types is None else {"types": types}
        return manifest(name, tables=[KEYS], parquet=parquet, **spec)

    def found() -> list[pa.DataType]:
        s3 = client(servers.s3)
        [stored] = s3.list_objects_v2(Bucket="rowmill", Prefix=f"{name}/keys/")["Contents"]
        body = s3.get_object(Bucket="rowmill", Key=stored["Key"])["Body"].read()
        return list(pq.read_schema(io.BytesIO(body)).types)

    def run(content: Manifest, *words: str) -> str:
        done = commands("run", "-f", commands.file(content), "--progress=none", *words)
        assert done.code == 0
        return done.err

    portable, native = [pa.string(), pa.string()], [pa.uuid(), pa.time64("us")]
    assert run(content(None)) == ""
    assert found() == portable

    told = run(content("native"))
    assert "run 1 keep their types (portable), though the manifest asks for native" in told
    assert "--restart" in told
    assert found() == portable
    # Of the manifest that asks for native: verify takes those of the run.
    assert commands("verify", name).code == 0

    assert "keep their types" not in run(content("native"), "--restart")
    assert found() == native
    assert commands("verify", name).code == 0
    assert "(native), though the manifest asks for portable" in run(content(None))
    assert "keep their types" not in run(content(None, rerun="portable again"))
    assert found() == portable
