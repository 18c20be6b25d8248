"""A pod uses as many processors as its limit of CPU gives it."""

from pathlib import Path

import pytest

from rowmill_job.processors import DEFAULT, MOST, processors

V2 = "sys/fs/cgroup/cpu.max"
V1_QUOTA, V1_PERIOD = "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, DEFAULT),
        ({V2: "max 100000\n"}, DEFAULT),
        ({V2: "100000 100000\n"}, 1),
        ({V2: "25000 100000\n"}, 1),
        ({V2: "250000 100000\n"}, 3),
        ({V2: "6400000 100000\n"}, MOST),
        ({V1_QUOTA: "-1\n", V1_PERIOD: "100000\n"}, DEFAULT),
        ({V1_QUOTA: "300000\n", V1_PERIOD: "100000\n"}, 3),
    ],
)
def test_processors_are_the_cgroups_quota(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors(tmp_path) == expected
