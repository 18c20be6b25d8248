"""The `Date` header of an HTTP answer, which tells the time of the server that wrote it."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def server_time(date: str | None) -> datetime | None:
    """The moment, to a whole second; None without a header, or of one that tells no time zone."""
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
