"""One Kubernetes node: etcd, control plane, kubelet, kube-proxy, containerd and DNS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.cluster import binaries
from tests.e2e.cluster.certs import write_certificates
from tests.e2e.cluster.configuration import (
    NODE,
    NODE_ADDRESS,
    PAUSE_IMAGE,
    PROGRAMS,
    SERVICE_ADDRESS,
    Layout,
    command,
    write_settings,
)
from tests.e2e.cluster.images import single_file_image
from tests.e2e.cluster.sandbox import Sandbox, restore_settings, shared_settings
from tests.processes import said

_NEEDED = {
    "gcc": "gcc",
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "runc": "runc",
    "nsenter": "util-linux",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
}
_SECONDS = 180
_SETTINGS_BEFORE = "settings-before.json"


class NodeError(RuntimeError):
    """The node did not do what was asked of it."""


def missing() -> list[str]:
    """What this machine lacks for a node, in words; empty if a node can run here."""
    lacks = [] if os.geteuid() == 0 else ["root"]
    lacks += [name for program, name in _NEEDED.items() if shutil.which(program) is None]
    if not Path("/usr/lib/cni/bridge").exists():
        lacks.append("containernetworking-plugins")
    return lacks


@contextmanager
def node_of_its_own(folder: Path) -> Iterator[Node]:
    """A running node whose state is in a folder, gone when the block or this process ends."""
    lifeline = folder / "lifeline"
    os.mkfifo(lifeline)
    held = os.open(lifeline, os.O_RDWR)
    node = Node(folder / "node")
    try:
        node.up(lifeline)
        yield node
    finally:
        node.down()
        os.close(held)


class Node:
    """The node whose state is in one folder, which need not exist."""

    def __init__(self, state: Path) -> None:
        self.layout = Layout(state.absolute())
        self.sandbox = Sandbox(self.layout.state, self.layout.cgroup)

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    def up(self, lifeline: Path | None = None) -> None:
        """Start the node, unless it runs, and wait until it is Ready.

        With `lifeline`, a FIFO, the node ends when the FIFO's last writer does.

        Raises:
            NodeError: a program ended, or the node is not ready in time.
            SandboxError: the namespaces cannot be made.
        """
        complete = self.layout.state / "complete"
        if self.sandbox.running() and complete.exists():
            self.wait_ready()
            return
        programs = self._binaries()
        self.down()
        layout = self.layout
        for folder in (layout.state, layout.logs, layout.pids):
            folder.mkdir(parents=True, exist_ok=True)
        if self.sandbox.alone():
            before = json.dumps(shared_settings())
            (layout.state / _SETTINGS_BEFORE).write_text(before, encoding="utf-8")
        write_certificates(layout.pki, NODE, NODE_ADDRESS, SERVICE_ADDRESS)
        write_settings(layout)
        self.sandbox.start(programs["pause"], lifeline)
        self._start_all(programs)
        complete.touch()

    def down(self) -> None:
        """End the node and remove every trace of it. Safe to call at any time, and again."""
        self.sandbox.stop()
        before = self.layout.state / _SETTINGS_BEFORE
        if before.exists() and self.sandbox.alone():
            restore_settings(json.loads(before.read_text("utf-8")))
        shutil.rmtree(self.layout.state, ignore_errors=True)

    def kill(self, program: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill one of PROGRAMS and wait until it is gone; its pods and its data stay."""
        pid = self._pid(program)
        if not pid.exists():
            raise NodeError(f"{program} was not started")
        # Under another name its end is not taken for a failure by whoever waits for the node.
        killed = pid.rename(pid.with_suffix(".killed"))
        self.sandbox.signal(killed, number)
        self._wait(lambda: not self.sandbox.alive(killed), f"{program} did not end")
        killed.unlink()

    def start(self, program: str) -> None:
        """Start one of PROGRAMS with the flags it had, unless it runs; don't wait for it."""
        if not self.alive(program):
            self._spawn(program, self._binaries())

    def restart(self, program: str, flags: Mapping[str, object]) -> None:
        """Kill one of hyperkube's PROGRAMS and start it with these flags beside all nodes' own."""
        self.layout = replace(self.layout, flags={**self.layout.flags, program: flags})
        self.kill(program)
        self.start(program)

    def alive(self, program: str) -> bool:
        return self.sandbox.alive(self._pid(program))

    def wait_ready(self) -> None:
        """Wait until the API server, the node and DNS answer.

        Raises:
            NodeError: one of the programs does not run, or they take too long.
        """
        self._wait(lambda: self._answers("get", "--raw=/readyz"), "the API server is not ready")
        self._wait(self._node_is_ready, "the node is not Ready")
        # The namespace's own account comes a moment later, and no pod starts without it.
        account = ("get", "serviceaccount", "default", "--namespace=default")
        self._wait(lambda: self._answers(*account), "there is no default service account")
        self._wait(self._resolves, "DNS does not answer")

    def run(self, arguments: list[str], timeout: float | None = None) -> str:
        """Run a command in the node's network, as the cluster's administrator.

        Raises:
            subprocess.CalledProcessError: it failed; the exception has its output.
        """
        result = subprocess.run(
            self.entering(arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
        return result.stdout

    def entering(self, arguments: list[str]) -> list[str]:
        """The command line that runs `arguments` in the node's network."""
        resolver = self.layout.settings / "resolv.conf"
        return self.sandbox.in_network(arguments, resolver)

    def join(self) -> None:
        """Move this thread into the node's network for good, with the node's DNS."""
        self.sandbox.join_network(self.layout.settings / "resolv.conf")

    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def load(self, archive: Path) -> None:
        """Give containerd the image of an OCI archive.

        Raises:
            NodeError: containerd refused it.
        """
        self._ctr("images", "import", str(archive))

    def tag(self, image: str, other: str) -> None:
        """Have containerd know an image that it has by another name as well.

        That name means no other image any more.

        Raises:
            NodeError: it does not have it.
        """
        self._ctr("images", "tag", "--force", image, other)

    def kill_pod(self, uid: str) -> int:
        """SIGKILL what a pod's containers run; return how many processes that was.

        The kubelet restarts the containers if the pod's policy says so.
        """
        ours = self.processes(uid)
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return len(ours)

    def processes(self, uid: str) -> list[psutil.Process]:
        """What a pod's containers run, oldest first."""
        # The oldest is the pod's own pause, which only holds its network.
        begun = said(self.sandbox.members(f"pod{uid}"), psutil.Process.create_time)
        return [process for process, _ in sorted(begun, key=itemgetter(1))[1:]]

    def requests(self) -> Iterator[dict[str, Any]]:
        """The audit log: all finished requests to the API but those of Kubernetes's own parts."""
        with self.layout.audit_log.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.endswith("\n"))

    def log(self, program: str, characters: int = 4000) -> str:
        """The end of what a program wrote."""
        path = self.layout.logs / f"{program}.log"
        return path.read_text("utf-8", errors="replace")[-characters:] if path.exists() else ""

    def _start_all(self, programs: dict[str, Path]) -> None:
        self._spawn("containerd", programs)
        self._spawn("etcd", programs)
        self._spawn("kube-apiserver", programs)
        pause_archive = self.layout.state / "pause.tar"
        single_file_image(pause_archive, PAUSE_IMAGE, programs["pause"])
        self._wait(self.layout.containerd_socket.exists, "containerd is not ready")
        self.load(pause_archive)
        self._wait(lambda: self._answers("get", "--raw=/readyz"), "the API server is not ready")
        for program in PROGRAMS:
            self.start(program)
        self.wait_ready()

    def _spawn(self, program: str, programs: dict[str, Path]) -> None:
        log = self.layout.logs / f"{program}.log"
        if log.exists():
            log.rename(log.with_suffix(f".{time.time_ns()}.log"))
        self.sandbox.spawn(command(program, self.layout, programs), log, self._pid(program))

    def _binaries(self) -> dict[str, Path]:
        return {
            "hyperkube": binaries.hyperkube(),
            "coredns": binaries.go_program("coredns"),
            "pause": binaries.pause(),
        }

    def _pid(self, program: str) -> Path:
        if program not in PROGRAMS:
            raise NodeError(f"{program} is none of {', '.join(PROGRAMS)}")
        return self.layout.pids / program

    def _ctr(self, *arguments: str) -> None:
        socket = str(self.layout.containerd_socket)
        result = subprocess.run(
            ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise NodeError(f"ctr {' '.join(arguments)}: {result.stderr.strip()}")

    def _answers(self, *arguments: str) -> bool:
        return self._succeeds([str(binaries.kubectl()), *arguments, "--request-timeout=5s"])

    def _node_is_ready(self) -> bool:
        return self._answers("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=2s")

    def _resolves(self) -> bool:
        return self._succeeds(["getent", "hosts", "kubernetes.default.svc.cluster.local"])

    def _succeeds(self, arguments: list[str]) -> bool:
        try:
            self.run(arguments)
        except subprocess.CalledProcessError:
            return False
        return True

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not condition():
            dead = [one for one in PROGRAMS if self._pid(one).exists() and not self.alive(one)]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(f"{one}: {self.log(one)}" for one in dead)
                raise NodeError(f"{otherwise}\n{logs}")
            time.sleep(0.2)
