"""Import all of the operator's image and use it once, so that a missing piece fails its build."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sys

from kubernetes.aio.client import ApiClient, Configuration

import rowmill_operator
from rowmill.spec.load import load_spec

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: smoke}
spec:
  tables:
    - name: people
      rows: 1
      columns: [{name: name, type: text, generate: {faker: {provider: name}}}]
  destinations: {postgres: {}}
"""


async def _client() -> None:
    async with ApiClient(Configuration(host="http://127.0.0.1")):
        pass


def main() -> None:
    """Reach nothing, and find neither Arrow nor drivers."""
    for module in pkgutil.walk_packages(rowmill_operator.__path__, "rowmill_operator."):
        importlib.import_module(module.name)
    asyncio.run(_client())
    assert load_spec("smoke", text=MANIFEST).digest.startswith("sha256:")
    strange = {"numpy", "pyarrow", "psycopg", "botocore"} & {
        name.split(".")[0] for name in sys.modules
    }
    assert not strange, strange


if __name__ == "__main__":
    main()
