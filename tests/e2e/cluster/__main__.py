"""Run the node by hand: `python -m tests.e2e.cluster up`, then `exec kubectl get pods -A`.

It stays until `down`. Everything is kept in one folder (--state), programs and images in a cache.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.cluster import binaries
from tests.e2e.cluster.configuration import PROGRAMS
from tests.e2e.cluster.images import PYTHON, Builder
from tests.e2e.cluster.node import Node, NodeError, missing
from tests.e2e.cluster.sandbox import SandboxError


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    node = Node(options.state)
    try:
        return _do(node, options)
    except (NodeError, SandboxError) as error:
        print(error, file=sys.stderr)
        return 1


def prepare() -> None:
    """Fill the cache, so that no test waits for a compiler; say so if no node can run here."""
    if lacks := missing():
        print(f"nothing compiled: no node can run here without {', '.join(lacks)}")
        return
    builds: dict[str, Callable[[], object]] = {
        "hyperkube": binaries.hyperkube,
        "coredns": lambda: binaries.go_program("coredns"),
        "helm": lambda: binaries.go_program("helm"),
        "pause": binaries.pause,
        "the base of the images": lambda: Builder().base_image(PYTHON),
    }
    for name, build in builds.items():
        start = time.monotonic()
        build()
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)


def _do(node: Node, options: argparse.Namespace) -> int:
    if options.verb == "exec":
        path = f"{binaries.kubectl().parent}:{os.environ['PATH']}"
        command = node.entering(options.command)
        os.execvpe(command[0], command, {**node.environment(), "PATH": path})
    if options.verb == "up" and (lacks := missing()):
        raise NodeError(f"a node needs what this machine lacks: {', '.join(lacks)}")
    verbs: dict[str, Callable[[], None]] = {
        "prepare": prepare,
        "up": node.up,
        "down": node.down,
        "wait-ready": node.wait_ready,
        "load": lambda: node.load(options.archive),
        "kill": lambda: node.kill(options.program),
        "start": lambda: node.start(options.program),
    }
    verbs[options.verb]()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.cluster", description=__doc__)
    default = Path(tempfile.gettempdir()) / "rowmill-e2e"
    parser.add_argument("--state", type=Path, default=default, help="folder (default: %(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare", help="compile what is not in the cache yet; start nothing")
    verbs.add_parser("up", help="start the node and wait until it is Ready")
    verbs.add_parser("down", help="end it and remove every trace")
    verbs.add_parser("wait-ready", help="wait until API server, node and DNS answer")
    load = verbs.add_parser("load", help="give the node an image")
    load.add_argument("archive", type=Path, help="an OCI archive")
    for verb, text in (("kill", "SIGKILL a program"), ("start", "start it with the same flags")):
        verbs.add_parser(verb, help=text).add_argument("program", choices=PROGRAMS)
    execute = verbs.add_parser("exec", help="run a command in the node's network, as its admin")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
