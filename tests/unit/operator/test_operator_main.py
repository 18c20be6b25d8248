from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

CODE = """
import logging
from rowmill_operator.main import LOG, _log_plainly
_log_plainly()
LOG.warning("%s", "spec.seed: is wrong\\n2026-03-01 INFO rowmill: all is well")
logging.getLogger("kopf.objects").info("Handler 'x' succeeded.")
"""


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {k: v for k, v in os.environ.items() if not k.startswith(("ROWMILL_", "KUBE"))}
    return subprocess.run(
        [sys.executable, *arguments],
        env=known | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def operator(**environ: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "rowmill_operator.main", **environ)


def test_without_its_settings_it_says_which_is_missing() -> None:
    ended = operator()
    assert ended.returncode == 2
    assert "ROWMILL_ENGINE_ID is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_outside_a_cluster_it_says_what_is_missing() -> None:
    ended = operator(
        ROWMILL_ENGINE_ID="here", ROWMILL_RELEASE="here/rowmill", ROWMILL_WORKER_IMAGE="w:1"
    )
    assert ended.returncode == 1
    assert "Service host/port is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_a_manifest_holds_forges_no_line_of_the_log() -> None:
    lines = run("-c", CODE).stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("is wrong\\n2026-03-01 INFO rowmill: all is well")


def test_a_line_of_the_log_begins_with_its_time_in_utc() -> None:
    (line,) = run("-c", CODE, TZ="Asia/Kathmandu").stderr.splitlines()
    stamp, level, _ = line.split(" ", 2)
    told = datetime.fromisoformat(stamp)
    assert (told.utcoffset(), level) == (timedelta(0), "WARNING")
    assert stamp.endswith("Z")
    assert abs(datetime.now(UTC) - told) < timedelta(hours=1)
