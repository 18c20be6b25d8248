"""What serves on a cluster in place of the commands that one machine alone has."""

from __future__ import annotations

from collections.abc import Mapping

_READS = (
    "a cluster's credentials stay in it; `rowmill {}` reads the same data with the manifest and "
    "--secret NAME=FILE, from any machine that reaches it"
)
_SERVERS = "its destinations are servers of their own"

ELSEWHERE: Mapping[str, str] = {
    "validate": "`kubectl apply` tells a manifest's shape, the condition Accepted the rest",
    "plan": "`rowmill plan` needs no cluster",
    "preview": "`rowmill preview` makes the same rows, and needs no cluster",
    "schema": "`rowmill schema` needs no cluster",
    "crd": "`rowmill crd` needs no cluster; what is installed: `kubectl get crd`",
    "run": "`kubectl apply -f FILE`, then `kubectl rowmill status NAME -w`",
    "delete": "`kubectl delete exp NAME`, with its data where its spec says deletionPolicy: Purge",
    "query": _READS.format("query"),
    "trace": _READS.format("trace"),
    "console": "the REST API is of one machine so far; `rowmill console` serves it there",
    "up": _SERVERS,
    "down": _SERVERS,
    "env": _SERVERS,
}
