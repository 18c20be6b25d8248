"""What a pod leaves at its end holds no secret, whichever part of its report says it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from rowmill.plan.pod_contract import POSTGRES, mount_path
from rowmill.plan.pod_report import PodReport, VerifyReport
from rowmill_job.outcome import done
from rowmill_job.work import Work

SECRET = "hunter2secret"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A verify whose pod has a password mounted."""
    mounted = tmp_path / mount_path(POSTGRES).removeprefix("/")
    mounted.mkdir(parents=True)
    (mounted / "PGPASSWORD").write_text(SECRET)
    monkeypatch.setenv("ROWMILL_JOB_ROOT", str(tmp_path))
    monkeypatch.setenv("ROWMILL_TERMINATION_LOG", str(tmp_path / "left"))
    return Work("verify", Event())


def _left(work: Work, where: str, tmp_path: Path) -> PodReport:
    verified = VerifyReport(run="a", identical=False, where=where)
    work._leave(done(f"run 1 differs: {where}", verified=verified))
    return PodReport.parse((tmp_path / "left").read_text())


def test_neither_the_message_nor_the_place_that_differs_shows_a_secret(
    work: Work, tmp_path: Path
) -> None:
    report = _left(work, f"s3://b: denied for {SECRET}", tmp_path)
    assert report.message == "run 1 differs: s3://b: denied for ***"
    assert report.verified is not None
    assert report.verified.where == "s3://b: denied for ***"


def test_a_place_that_is_cut_to_fit_shows_no_part_of_a_secret(work: Work, tmp_path: Path) -> None:
    report = _left(work, "x" * 295 + SECRET + "x" * 5_000, tmp_path)
    assert report.verified is not None
    assert report.verified.where == "x" * 295 + "***xx"
    assert SECRET[:5] not in report.message


def test_a_line_of_a_pods_log_begins_with_its_time_in_utc(tmp_path: Path) -> None:
    code = (
        "from threading import Event; from rowmill_job.work import Work; "
        "Work('verify', Event())._say('so')"
    )
    env = {**os.environ, "ROWMILL_JOB_ROOT": str(tmp_path), "TZ": "Asia/Kathmandu"}
    said = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stderr
    stamp, rest = said.split(" ", 1)
    told = datetime.fromisoformat(stamp)
    assert stamp.endswith("Z")
    assert abs(datetime.now(UTC) - told) < timedelta(hours=1)
    assert rest == "INFO so\n"
