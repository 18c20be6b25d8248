"""The namespaces in which a node lives: killing their first process leaves nothing of it behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from tests.e2e.cluster.configuration import CGROUP_PREFIX, NODE_ADDRESS
from tests.processes import living

# What the kubelet sets, and many pods need, for the whole machine: put back afterwards.
_SHARED_SETTINGS = (
    "fs/inotify/max_user_instances",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
_SECONDS = 30
_GATEWAY = "10.244.0.254"
# Runs as the first process of the namespaces. Its /run has iptables' lock, containerd's sockets and
# the pods' network namespaces; no dummy device is to be had everywhere, hence the pair; API server
# and kube-proxy want a default route.
_BOOT = f"""
set -eu
state=$1; shift
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /var/lib/cni "$state/cni" "$state/var-log"
mount --bind "$state/cni" /var/lib/cni
mount --bind "$state/var-log" /var/log
ip link set lo up
ip link add node0 type veth peer name node0p
ip addr add {NODE_ADDRESS}/24 dev node0
ip link set node0 up
ip link set node0p up
ip route add default via {_GATEWAY} dev node0
echo 1 > /proc/sys/net/ipv4/ip_forward
touch "$state/booted"
exec "$@"
"""
_SPAWN = 'setsid "$@" >"$LOG" 2>&1 </dev/null & echo $! >"$PID"'
_IN_NETWORK = 'mount --bind "$RESOLVER" /etc/resolv.conf && exec "$@"'
_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_BIND_OR_PRIVATE = {"bind": 0x1000, "private": 0x4000 | 0x40000}


class SandboxError(RuntimeError):
    """The namespaces could not be made, used or removed."""


class Sandbox:
    """Network, mount and process namespaces of one state folder, and the cgroups of one name."""

    def __init__(self, state: Path, cgroup: str) -> None:
        self.state = state
        self._cgroup = cgroup
        self._init = state / "init"
        self._unshare: subprocess.Popen[bytes] | None = None
        self._left: dict[str, int] = {}

    def start(self, pause: Path, lifeline: Path | None) -> None:
        """Make the namespaces, which end with `stop` or with the last writer of a FIFO, `lifeline`.

        Raises:
            SandboxError: they cannot be made; the text has the reason.
        """
        self._init.write_bytes(pause.read_bytes())
        self._init.chmod(0o755)
        for folder in self._cgroups():
            folder.mkdir(exist_ok=True)
        _set_shared("fs/inotify/max_user_instances", "8192")
        init = [str(self._init), *(["--while-read"] if lifeline else [])]
        log = self.state / "boot.log"
        with (lifeline or Path(os.devnull)).open("rb") as stdin, log.open("wb") as output:
            self._unshare = subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork"),
                    *("--kill-child", "--mount-proc", "sh", "-c", _BOOT, "boot"),
                    *(str(self.state), *init),
                ],
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not (self.state / "booted").exists() or self._first_process() is None:
            if self._unshare.poll() is not None:
                raise SandboxError(f"no namespaces for the node: {log.read_text('utf-8')}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Kill all that lives in the namespaces, and remove the cgroups. Safe to call again."""
        processes = self.processes()
        for keeper in self._keepers():
            with suppress(psutil.NoSuchProcess):
                keeper.kill()
        if self._unshare is not None:
            self._unshare.wait()
        if psutil.wait_procs(processes, timeout=_SECONDS)[1]:
            raise SandboxError("the node's processes did not end")
        _wait_until(self._without_cgroups, "cgroups of the node are still in use")

    def alone(self) -> bool:
        """Whether no other node, of another session, say, runs on this machine."""
        nodes = {node for top in self._cgroups() for node in top.parent.glob(f"{CGROUP_PREFIX}*")}
        return nodes <= set(self._cgroups())

    def running(self) -> bool:
        return self._first_process() is not None

    def spawn(self, command: list[str], log: Path, pid: Path) -> None:
        """Start a process that outlives this one; `pid` gets its number in the namespaces."""
        self._run(
            [*self._enter(), "sh", "-c", _SPAWN, "spawn", *command], LOG=str(log), PID=str(pid)
        )

    def signal(self, pid: Path, number: int) -> bool:
        """Send a signal to a spawned process; return whether it was there."""
        if not pid.exists():
            return False
        script = f"kill -{number:d} {int(pid.read_text('utf-8'))} 2>/dev/null"
        command = [*self._enter(), "sh", "-c", script]
        return subprocess.run(command, check=False).returncode == 0

    def alive(self, pid: Path) -> bool:
        return self.running() and pid.exists() and self.signal(pid, 0)

    def processes(self) -> list[psutil.Process]:
        """The node's own processes; those of pods, in namespaces within, end with them."""
        first = self._first_process()
        return [] if first is None else [first, *_members(first.pid)]

    def members(self, cgroup: str) -> list[psutil.Process]:
        """The processes in the cgroups of a name, wherever below the sandbox's own they are."""
        found = {}
        for top in self._cgroups():
            for folder, _, _ in os.walk(top):
                if cgroup in Path(folder).relative_to(top).parts:
                    found.update({one.pid: one for one in _in_cgroup(Path(folder))})
        return list(found.values())

    def in_network(self, command: list[str], resolver: Path) -> list[str]:
        """The command line that runs `command` in the node's network, in which names resolve."""
        return [
            *("nsenter", f"--net=/proc/{self._first().pid}/ns/net", "unshare", "--mount"),
            *("--propagation", "private", "env", f"RESOLVER={resolver}"),
            *("sh", "-c", _IN_NETWORK, "enter", *command),
        ]

    def join_network(self, resolver: Path) -> None:
        """Move this thread, and what it starts from now on, into the node's network for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        for option, kind in (("net", "net"), ("mount", "mnt")):
            self._left[option] = os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY)
        with Path(f"/proc/{self._first().pid}/ns/net").open("rb") as network:
            _checked(libc.setns(network.fileno(), _CLONE_NEWNET))
        _checked(libc.unshare(_CLONE_NEWNS))
        flags = _MS_BIND_OR_PRIVATE
        _checked(libc.mount(None, b"/", None, ctypes.c_ulong(flags["private"]), None))
        source, target = str(resolver).encode(), os.path.realpath("/etc/resolv.conf").encode()
        _checked(libc.mount(source, target, None, ctypes.c_ulong(flags["bind"]), None))

    def outside(self, command: list[str]) -> list[str]:
        """The command line that runs `command` where this process was before it joined."""
        if not self._left:
            return command
        kept = [f"--{kind}=/proc/{os.getpid()}/fd/{file}" for kind, file in self._left.items()]
        return ["nsenter", *kept, *command]

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self._first().pid}", "--net", "--mount", "--pid"]

    def _run(self, command: list[str], **environment: str) -> None:
        result = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise SandboxError(f"{command[-1]}: {result.stderr}")

    def _first(self) -> psutil.Process:
        first = self._first_process()
        if first is None:
            raise SandboxError(f"no node runs in {self.state}")
        return first

    def _first_process(self) -> psutil.Process | None:
        # A process's arguments outlive any record of it, and name the folder.
        return next(
            (one for one in self._keepers() if one.info["cmdline"][0] == str(self._init)), None
        )

    def _keepers(self) -> list[psutil.Process]:
        listed = psutil.process_iter(["cmdline"])
        return living(one for one in listed if str(self._init) in (one.info["cmdline"] or []))

    def _cgroups(self) -> list[Path]:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
        return [Path(at) / self._cgroup for _, at, kind, *_ in mounts if kind.startswith("cgroup")]

    def _without_cgroups(self) -> bool:
        for top in self._cgroups():
            folders = [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
            for folder in folders:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:
                    return False
        return True


def shared_settings() -> dict[str, str]:
    """The machine-wide kernel settings that a node changes, as they are now."""
    paths = {name: Path("/proc/sys") / name for name in _SHARED_SETTINGS}
    return {name: path.read_text("utf-8").strip() for name, path in paths.items() if path.exists()}


def restore_settings(settings: dict[str, str]) -> None:
    """Put back what `shared_settings` told."""
    for name, value in settings.items():
        _set_shared(name, value)


def _set_shared(name: str, value: str) -> None:
    path = Path("/proc/sys") / name
    if path.read_text("utf-8").strip() != value:
        path.write_text(value, encoding="utf-8")


def _in_cgroup(folder: Path) -> Iterator[psutil.Process]:
    """The processes in a cgroup; it and they may go meanwhile."""
    with suppress(OSError):
        pids = [int(pid) for pid in (folder / "cgroup.procs").read_text("utf-8").split()]
        # 0 is a process that this one's namespace does not see.
        for pid in filter(None, pids):
            with suppress(psutil.NoSuchProcess):
                yield psutil.Process(pid)


def _members(first: int) -> list[psutil.Process]:
    namespaces = {process: _namespace(process.pid) for process in psutil.process_iter()}
    ours = _namespace(first)
    return [
        process
        for process, namespace in namespaces.items()
        if namespace is not None and namespace == ours and process.pid != first
    ]


def _namespace(pid: int) -> int | None:
    """Of a process's numbers; None if it has ended, or is none of this account's."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return None


def _checked(result: int) -> None:
    if result != 0:
        raise SandboxError(os.strerror(ctypes.get_errno()))


def _wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SandboxError(otherwise)
        time.sleep(0.05)
