"""The standard streams of a command, which its caller may have closed or have on a full disk."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputLost(OSError):
    """Standard output takes no more, such as for a full disk."""

    @property
    def message(self) -> str:
        """What is said of it to the reader."""
        return (
            f"standard output cannot be written: {self.strerror}; "
            "free space there, or send it elsewhere"
        )


def prepare_streams() -> None:
    """Have standard streams that can be used: a closed one is the null device from here on.

    Writing to standard output raises OutputLost where it would raise an OSError that tells not of
    which file it is; BrokenPipeError stays. What standard error does not take is lost: a command
    ends with the exit code of what it did.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = _through(_Output, sys.stdout)
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = _through(_Messages, sys.stderr)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - as long as we run
            # Else whatever a child opens first would be its standard stream.
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def input_is_closed() -> bool:
    """Whether the caller has closed standard input."""
    return sys.stdin is None or sys.stdin.name == os.devnull


def discard_output() -> None:
    """Let go of what standard output holds back: it must not fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Output(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


class _Messages(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data).cast("B"))


def _through(kind: type[io.FileIO], output: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = kind(output.fileno(), "w", closefd=False)
    unbuffered = isinstance(output.buffer, io.RawIOBase)
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=output.encoding,
        errors=output.errors,
        line_buffering=output.line_buffering,
        write_through=unbuffered,
    )
