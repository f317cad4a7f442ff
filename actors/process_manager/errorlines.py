"""Which lines of a log are error lines, and how many of how many are. Pure.

A line is an error line when it
- holds one of the words ERROR, CRITICAL, FATAL, PANIC or EMERG in capitals, by itself (NO_ERROR, ERRORS and --ERROR are
  not it, nor is ERROR=0 or ERROR: 0);
- names its level: level, levelname, lvl, severity or "log.level", then = or :, then error, err, critical, crit, fatal,
  panic, alert or emerg, in capitals or not, quoted or not;
- holds such a level in brackets, as [error] or [crit];
- begins with panic: or fatal error: (Go), or with thread '...' panicked at (Rust);
- begins with Traceback (most recent call last) (Python), also behind a vertical bar and blanks.

What follows such a line, as the frames of a traceback do, are lines of their own and no error lines. Levels stand at
the front: only the first HEAD_BYTES of a line are looked at.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

HEAD_BYTES: Final = 512
"""Bytes of a line that are looked at."""

_LEVELS: Final = rb"(?:error|err|critical|crit|fatal|panic|alert|emerg)"
_RULE: Final = re.compile(
    rb"(?<![\w./-])(?:ERROR|CRITICAL|FATAL|PANIC|EMERG)(?![\w/]|-\w|\s*[=:]\s*0\b)"
    rb"|(?i:\b(?:level|levelname|lvl|severity|log\.level)[\"']?\s*[=:]\s*[\"']?" + _LEVELS + rb"(?!\w))"
    rb"|(?i:\[\s*(?:\w+:)?" + _LEVELS + rb"\s*\])"
    rb"|^(?:panic: |fatal error: |thread '.{0,200}' (?:\(\d+\) )?panicked at )"
    rb"|^[\s|]*Traceback \(most recent call last\)"
)
_WORDS: Final = (b"err", b"crit", b"fatal", b"panic", b"emerg", b"alert", b"traceback (most")
"""One of these, in small letters, is in every error line: looked for first, as most blocks hold none."""


class ErrorLine(Struct, frozen=True):
    """One error line. at: where it begins, bytes from the front of the text it was found in."""

    at: int
    text: str


class Counted(Struct, frozen=True):
    """Lines of a text, those that are error lines, and the newest of these, oldest first."""

    lines: int
    errors: int
    sample: list[ErrorLine]


def is_error_line(line: bytes) -> bool:
    """Whether a line, without its end, is an error line."""
    return _RULE.search(line[:HEAD_BYTES]) is not None


def count_lines(text: bytes, sample_max: int, line_bytes: int = HEAD_BYTES) -> Counted:
    """Count the lines of a text that ends with a line end. line_bytes: what is longer is cut in the sample.

    Some five milliseconds per MiB when there is no error line in it, and a microsecond for each that is.
    """
    small = text.lower()
    found: list[int] = []
    following = {word: small.find(word) for word in _WORDS}
    while (at := min((place for place in following.values() if place >= 0), default=-1)) >= 0:
        begin = text.rfind(b"\n", 0, at) + 1
        ends = text.find(b"\n", at)
        ends = len(text) if ends < 0 else ends
        if is_error_line(text[begin : min(ends, begin + HEAD_BYTES)]):
            found.append(begin)
        for word, place in following.items():
            if 0 <= place < ends:
                following[word] = small.find(word, ends)
    sample = [ErrorLine(at, _line_at(text, at, line_bytes)) for at in found[-sample_max:]] if sample_max else []
    return Counted(text.count(b"\n"), len(found), sample)


def _line_at(text: bytes, at: int, line_bytes: int) -> str:
    end = text.find(b"\n", at)
    return text[at : min(len(text) if end < 0 else end, at + line_bytes)].rstrip(b"\r").decode("utf-8", "replace")
