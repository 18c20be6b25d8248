"""Messages in the words of a cluster, where an annotation serves in place of an option.

What a destination refuses is said in the words of the command line, with those of a cluster behind
them; a test holds these against the messages themselves.
"""

from __future__ import annotations

import re

from rowmill.spec.cluster_names import ADOPT

_TAKE_OVER = re.compile(
    rf"take it over(?: with |: run again with\s)--adopt .*?\s"
    rf"\(on a cluster: the annotation (?P<annotation>{re.escape(ADOPT)}: .*)\)"
)


def in_cluster(text: str) -> str:
    """A message, for somebody who reads it in the status of an Experiment."""
    return _TAKE_OVER.sub(
        lambda found: f"take it over: annotate this Experiment with {found['annotation']}", text
    )
