"""What a test asks of a cluster, by kubectl: apply, get, wait, and a way to a Service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.cluster import binaries
from tests.e2e.cluster.node import Node

_Found = TypeVar("_Found")
_POLL_SECONDS = 0.3


class KubectlError(RuntimeError):
    """kubectl failed; the text is its standard error."""


@dataclass(frozen=True)
class Cluster:
    """A cluster, as its administrator sees it.

    `node` is there if the cluster is the tests' own node, in whose network this process then lives.
    """

    kubeconfig: Path
    node: Node | None

    def kubectl(self, *arguments: str, input: str | None = None, seconds: float = 240) -> str:
        """Run kubectl and return what it printed.

        Raises:
            KubectlError: it failed.
        """
        result = subprocess.run(
            [str(binaries.kubectl()), *arguments],
            env=self.environment(),
            input="" if input is None else input,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if result.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def environment(self) -> dict[str, str]:
        """By which kubectl finds the cluster; this process's remembers its resources by itself."""
        cache = {"KUBECACHEDIR": str(self._discovery)}
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), **cache}

    def forget_resources(self) -> None:
        """Have kubectl ask anew which resources there are: it trusts its memory for hours."""
        shutil.rmtree(self._discovery, ignore_errors=True)

    def apply(self, *manifests: str | Mapping[str, Any], namespace: str = "default") -> None:
        """Apply YAML texts or objects."""
        for manifest in manifests:
            text = manifest if isinstance(manifest, str) else json.dumps(manifest)
            self.kubectl("apply", "--namespace", namespace, "-f", "-", input=text)

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """One object.

        Raises:
            KubectlError: there is none.
        """
        return _object(self.kubectl("get", kind, name, "--namespace", namespace, "-o", "json"))

    def find(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """One object, or None where there is none."""
        options = ("--namespace", namespace, "--ignore-not-found", "-o", "json")
        text = self.kubectl("get", kind, name, *options)
        return _object(text) if text.strip() else None

    def find_all(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """All objects of a kind in a namespace, by label."""
        options = ("--namespace", namespace, "--selector", selector, "-o", "json")
        items: list[dict[str, Any]] = _object(self.kubectl("get", kind, *options))["items"]
        return items

    def evict(self, pod: str, namespace: str) -> None:
        """Evict a pod as a drained node does, by the Eviction API."""
        metadata = {"name": pod, "namespace": namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
        self.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    def story(self, namespace: str) -> str:
        """What the cluster tells about a namespace: events, pods, and the ends of their logs."""
        asked = [
            ["get", "events", "--sort-by=.lastTimestamp"],
            ["get", "jobs,pods", "--output=wide"],
            ["describe", "pods"],
        ]
        try:
            pods = [pod["metadata"]["name"] for pod in self.find_all("pods", namespace)]
            asked += [["logs", "--tail=40", "--all-containers", pod] for pod in pods]
            return "\n".join(self._told(*each, "--namespace", namespace) for each in asked)
        except (KubectlError, subprocess.TimeoutExpired) as error:
            return str(error)

    @contextmanager
    def address(self, service: str, port: int, namespace: str) -> Iterator[tuple[str, int]]:
        """Host and port by which this process reaches a Service."""
        if self.node is not None:
            yield self.get("service", service, namespace)["spec"]["clusterIP"], port
            return
        with self._forward(service, port, namespace) as local:
            yield "127.0.0.1", local

    @property
    def _discovery(self) -> Path:
        return self.kubeconfig.with_name(f".{self.kubeconfig.name}-cache-{os.getpid()}")

    def _told(self, *arguments: str) -> str:
        try:
            return self.kubectl(*arguments, seconds=20)
        except KubectlError as error:
            return str(error)

    @contextmanager
    def _forward(self, service: str, port: int, namespace: str) -> Iterator[int]:
        command = ["port-forward", f"service/{service}", f":{port}", "--namespace", namespace]
        process = subprocess.Popen(
            [str(binaries.kubectl()), *command],
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                match = re.search(r":(\d+) ->", line)
                if match is None:
                    raise KubectlError(f"kubectl {' '.join(command)} said {line!r}")
                yield int(match[1])
            finally:
                process.terminate()


def wait_for(condition: Callable[[], _Found | None], seconds: float, what: str) -> _Found:
    """Return the condition's first result that is neither None nor False.

    Raises:
        AssertionError: there is none in time; the text says `what` was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_POLL_SECONDS)


def _object(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document
