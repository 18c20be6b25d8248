"""The memory limit of cgroup v1 and v2, nested and unlimited."""

from pathlib import Path

import psutil

from rowmill.local.memory import cgroup_limit, worker_memory

MIB = 2**20


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_v2_takes_the_smallest_limit_on_the_way_up(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pods/one\n",
            "sys/fs/cgroup/pods/one/memory.max": "max\n",
            "sys/fs/cgroup/pods/memory.max": f"{300 * MIB}\n",
            "sys/fs/cgroup/memory.max": f"{900 * MIB}\n",
        },
    )
    assert cgroup_limit(root) == 300 * MIB


def test_v2_in_a_container_whose_root_is_its_own_cgroup(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kubepods/pod1/abc\n",
            "sys/fs/cgroup/memory.max": f"{512 * MIB}\n",
        },
    )
    assert cgroup_limit(root) == 512 * MIB


def test_v1_reads_the_memory_controller_and_knows_its_word_for_unlimited(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n",
        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": f"{256 * MIB}\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    assert cgroup_limit(write(tmp_path, files)) == 256 * MIB


def test_no_limit_anywhere_is_none(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}
    assert cgroup_limit(write(tmp_path, files)) is None
    assert cgroup_limit(tmp_path / "nothing") is None


def test_workers_share_the_limit_and_the_manifest_can_only_lower_it(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": f"{600 * MIB}\n",
    }
    root = write(tmp_path, files)
    assert worker_memory(3, root=root) == 200 * MIB
    assert worker_memory(3, limit=150 * MIB, root=root) == 150 * MIB
    assert worker_memory(3, limit=900 * MIB, root=root) == 200 * MIB


def test_a_limit_above_the_machine_counts_as_the_machine(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{2**50}\n"}
    assert worker_memory(1, root=write(tmp_path, files)) == psutil.virtual_memory().total
