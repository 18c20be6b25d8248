"""A pod's process hears SIGTERM before anything that takes long is imported."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"botocore", "faker", "numpy", "psycopg", "pyarrow", "pydantic", "yaml"}


def test_nothing_heavy_is_imported_before_the_process_listens() -> None:
    code = f"import sys, rowmill_job.main; print(*sorted({HEAVY} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
