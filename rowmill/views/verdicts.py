"""What is known of a run's published data, in a word or a sentence: the same from both engines."""

from __future__ import annotations

from rowmill.engine.records import RunRecord
from rowmill.engine.verdict import Verdict


def verdict_word(verdict: Verdict) -> str:
    """For a line that tells of other things too."""
    if verdict.awaited:
        return "being verified"
    if verdict.identical is None:
        return "not verified"
    return "verified" if verdict.identical else "verify found differences"


def verdict_sentence(run: RunRecord, verdict: Verdict) -> str:
    """All that is known, and how a reader sees what differs."""
    explained = verdict.message or verdict.reason
    unknown = not (verdict.awaited or verdict.identical is not None)
    # A message may be the reason over again, and more.
    if unknown and not explained.lower().startswith(verdict.reason.lower()):
        explained = f"{verdict.reason}: {explained}"
    more = f"; verify {run.experiment} shows each row" if verdict.identical is False else ""
    return f"{verdict_word(verdict)}: {explained}{more}"
