"""One home with one pair of embedded servers for the whole test session, all xdist workers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.servers.embedded import EmbeddedServers, down, up
from tests.history import NO_HISTORY

_PREFIX = "rowmill-test-"

# No test fails for its time: machines are shared. In CI Hypothesis draws the same examples always.
settings.register_profile("rowmill", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rowmill")


def pytest_configure(config: pytest.Config) -> None:
    """Point ROWMILL_HOME at a new home, which workers and commands under test inherit.

    ROWMILL_TEST_HOME names one to use instead, whose servers stay up for the next session.
    """
    if hasattr(config, "workerinput"):
        _leave_programs_unmeasured()
        return
    kept = os.environ.get("ROWMILL_TEST_HOME")
    if kept:
        os.environ["ROWMILL_HOME"] = kept
        return
    _clear_after_killed_sessions()
    os.environ["ROWMILL_HOME"] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and "ROWMILL_TEST_HOME" not in os.environ:
        _remove(rowmill_home())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: all that a test needs is installed there, but for history."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and "CI" in os.environ and NO_HISTORY not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def home() -> Home:
    return rowmill_home()


@pytest.fixture(scope="session")
def servers(home: Home) -> EmbeddedServers:
    return up(home)


def _leave_programs_unmeasured() -> None:
    """Have coverage measure the tests' own processes alone.

    The programs that tests start are tested as users run them: measured ones take twice the
    processor, and hear SIGTERM by another handler.
    """
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def _clear_after_killed_sessions() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        ours = folder.stat().st_uid == os.geteuid()
        if ours and pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(Home(folder))


def _remove(home: Home) -> None:
    down(home)
    shutil.rmtree(home.path, ignore_errors=True)
