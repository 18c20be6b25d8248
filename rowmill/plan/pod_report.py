"""What a worker pod leaves as its termination message, written and read in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rowmill.plan.pod_json import compact, read_amount, read_count, read_object, read_text
from rowmill.plan.purging import PurgeEnd

# What the kubelet takes of a termination message.
MOST_BYTES = 4096
_CUT = "..."
# A character outside the Basic Multilingual Plane, escaped.
_WIDEST = 12
_MOST_WORD_CHARACTERS = 100
# Of the place that differs, also where every character is escaped: the rest has room then.
_MOST_PLACE_CHARACTERS = 300
# What conditions and Events take as their reason.
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class Used:
    """What a pod took of its node: by this its resources can be chosen.

    Processor time in seconds, `loading_cpu_seconds` from its first batch to its last; `peak_bytes`
    of memory.
    """

    cpu_seconds: float
    peak_bytes: int
    loading_cpu_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        known = {"cpuSeconds": self.cpu_seconds, "peakBytes": self.peak_bytes}
        return known | _given({"loadingCpuSeconds": self.loading_cpu_seconds})

    @classmethod
    def from_json(cls, document: object) -> Used | None:
        """What a pod says that it used, None if it says nothing that can be read."""
        if not isinstance(document, Mapping):
            return None
        cpu, peak = read_amount(document.get("cpuSeconds")), read_count(document.get("peakBytes"))
        if cpu is None or peak is None:
            return None
        return cls(cpu, peak, read_amount(document.get("loadingCpuSeconds")))


@dataclass(frozen=True)
class Published:
    """The run that a finalize published, or found published before with the same data (`repeat`).

    `tables` has the rows of each, if the message had room for them; `objects`, their `bytes` and
    `checksum` are those of Parquet. An earlier image tells no `parquet_types`.
    """

    run: str = ""
    repeat: bool = False
    data_version: int | None = None
    parquet_types: str | None = None
    tables: Mapping[str, int] | None = None
    objects: int | None = None
    bytes: int | None = None
    checksum: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        known = {
            "dataVersion": self.data_version,
            "parquetTypes": self.parquet_types,
            "tables": self.tables,
            "objects": self.objects,
            "bytes": self.bytes,
            "checksum": self.checksum,
        }
        return {"run": self.run, "repeat": self.repeat, **_given(known)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Published | None:
        """What a pod says of its run, None if it is none that publishes."""
        if "run" not in document and "repeat" not in document:
            return None
        return cls(
            run=_word(document.get("run")) or "",
            repeat=document.get("repeat") is True,
            data_version=read_count(document.get("dataVersion"), least=1),
            parquet_types=_word(document.get("parquetTypes")),
            tables=_tables(document.get("tables")),
            objects=read_count(document.get("objects")),
            bytes=read_count(document.get("bytes")),
            checksum=_word(document.get("checksum")),
        )


@dataclass(frozen=True)
class PurgeReport:
    """How a purge ended that removed all it could, and how much that was."""

    end: PurgeEnd
    tables: int = 0
    rows: int = 0
    objects: int = 0

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        removed = {"tables": self.tables, "rows": self.rows, "objects": self.objects}
        return {"purged": str(self.end), "removed": removed}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PurgeReport | None:
        """What a pod says of a purge, None if it says none of the ends that are known here."""
        end = document.get("purged")
        if not isinstance(end, str) or end not in set(PurgeEnd):
            return None
        counts = document.get("removed")
        removed = counts if isinstance(counts, Mapping) else {}
        tables, rows, objects = (
            read_count(removed.get(name)) or 0 for name in ("tables", "rows", "objects")
        )
        return cls(PurgeEnd(end), tables, rows, objects)


@dataclass(frozen=True)
class VerifyReport:
    """What a verify found of the published run: whether each destination holds exactly its rows.

    `checksum` is the run's data checksum, of the `rows` made again; `differences` are the rows that
    differ, as far as they were counted, and `where` is the first place that does.
    """

    run: str
    identical: bool
    rows: int = 0
    checksum: str | None = None
    differences: int = 0
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        known = {"checksum": self.checksum, "where": self.where or None}
        found = {"id": self.run, "identical": self.identical, "rows": self.rows}
        return {"verified": found | {"differences": self.differences} | _given(known)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> VerifyReport | None:
        """What a pod says of a verify, None if it does not say what came of it."""
        found = document.get("verified")
        if not isinstance(found, Mapping) or not isinstance(found.get("identical"), bool):
            return None
        return cls(
            run=_word(found.get("id")) or "",
            identical=found["identical"],
            rows=read_count(found.get("rows")) or 0,
            checksum=_word(found.get("checksum")),
            differences=read_count(found.get("differences")) or 0,
            where=read_text(found.get("where"), MOST_BYTES) or "",
        )


@dataclass(frozen=True)
class PodReport:
    """How a pod's work ended, in its own words; an empty one is of a pod that left none.

    `code` is its exit code, `reason` one word for machines; `rows` are durable of its work.
    `published` is of a finalize that ended well, `purged` of a purge or a reset, `verified` of a
    verify.
    """

    code: int | None = None
    reason: str = ""
    message: str = ""
    rows: int | None = None
    shard: int | None = None
    used: Used | None = None
    published: Published | None = None
    purged: PurgeReport | None = None
    verified: VerifyReport | None = None

    def hiding(self, hide: Callable[[str], str]) -> PodReport:
        """With all that it says in free words as `hide` leaves it: an error may have any words.

        To be asked before what is too long is cut: of a secret half would be left.
        """
        verified = self.verified
        if verified is not None:
            verified = replace(verified, where=hide(verified.where))
        return replace(self, message=hide(self.message), verified=verified)

    def text(self) -> bytes:
        """JSON of at most MOST_BYTES: what does not fit is left out or cut."""
        fitting, message = self, self.message
        if self.published is not None and len(compact(self.to_json())) > MOST_BYTES:
            # The longest, and in the plan besides.
            fitting = replace(self, published=replace(self.published, tables=None))
        if self.verified is not None:
            place = self.verified.where[:_MOST_PLACE_CHARACTERS]
            fitting = replace(fitting, verified=replace(self.verified, where=place))
        while message and (excess := len(compact(fitting.to_json())) - MOST_BYTES) > 0:
            # A character may take several bytes: what is left is measured again.
            message = message[: -max(1, excess // _WIDEST)]
            fitting = replace(fitting, message=f"{message}{_CUT}")
        return compact(fitting.to_json())

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it, of whatever size."""
        used = None if self.used is None else self.used.to_json()
        return {
            **_given({"code": self.code}),
            "reason": self.reason,
            "message": self.message,
            **_given({"rows": self.rows, "shard": self.shard, "used": used}),
            **({} if self.published is None else self.published.to_json()),
            **({} if self.purged is None else self.purged.to_json()),
            **({} if self.verified is None else self.verified.to_json()),
        }

    @classmethod
    def parse(cls, text: str) -> PodReport:
        """What a pod left: an empty report if that is nothing, or nothing that a worker leaves."""
        # None that the kubelet took has more characters than it may have bytes.
        document = read_object(text) if len(text) <= MOST_BYTES else None
        return cls() if document is None else cls.from_json(document)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PodReport:
        """What the JSON of a message says; what is no value of its kind was not said."""
        reason = read_text(document.get("reason"), MOST_BYTES) or ""
        return cls(
            code=read_count(document.get("code")),
            reason=reason if _REASON.fullmatch(reason) else "",
            message=read_text(document.get("message"), MOST_BYTES) or "",
            rows=read_count(document.get("rows")),
            shard=read_count(document.get("shard")),
            used=Used.from_json(document.get("used")),
            published=Published.from_json(document),
            purged=PurgeReport.from_json(document),
            verified=VerifyReport.from_json(document),
        )


def _word(value: object) -> str | None:
    """A run's id, a checksum or the like: none that is longer than any of them."""
    word = read_text(value, MOST_BYTES)
    return word if word and len(word) <= _MOST_WORD_CHARACTERS else None


def _tables(value: object) -> Mapping[str, int] | None:
    if not isinstance(value, Mapping):
        return None
    rows = {name: read_count(count) for name, count in value.items()}
    known = {name: count for name, count in rows.items() if count is not None}
    return known if len(known) == len(rows) else None


def _given(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if value is not None}
