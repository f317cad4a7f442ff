"""What makes two symptoms the same: the last line of a log that names an error, freed of what changes. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

LINE_MAX = 200
"""Letters of a log line that are kept."""
READ_MAX = 4096
"""Letters of a line that are looked at."""

_FRAME = re.compile(r'^\s+at |^\s*File "|^\s*\.{3} \d+ more|^goroutine \d+|^\t')
"""Lines of a stack trace: Java and Node, Python, Go."""
_ERROR = re.compile(
    r"(?:Error|Exception|Interrupt|Exit)\b|\b(?:error|panic|fatal|failed|failure|cannot|can't|denied|refused|"
    r"segfault|segmentation fault|killed|aborted|abort|out of memory|already in use)\b",
    re.IGNORECASE,
)
ADDRESS_IN_USE = re.compile(r"address (?:is )?already in use|EADDRINUSE|port \d+ is (?:already )?in use", re.IGNORECASE)
TIMES = (
    re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"),
)
"""Times as logs write them."""
_CHANGING = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"(?:/private)?(?:/var)?/(?:tmp|folders)/[^\s'\",;:)\]]*/(?=[^\s'\",;:)\]])"), "TMP/"),
    (re.compile(r"\btmp[a-z0-9_]{6,}\b"), "TMP"),
    *((pattern, "TIME") for pattern in TIMES),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "ID"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "ADDR"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "ID"),
    (re.compile(r"\b(?=\w*\d\w*[A-Za-z])(?=\w*[A-Za-z]\w*\d)[A-Za-z0-9]{12,}\b"), "ID"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "N"),
    (re.compile(r"\s+"), " "),
)


def error_line(log_tail: Sequence[str]) -> str:
    """The last line that names an error and is no frame of a stack trace; empty when none does.

    log_tail: oldest first.
    """
    for line in reversed(log_tail):
        line = line[:READ_MAX]  # noqa: PLW2901
        if _ERROR.search(line) and not _FRAME.search(line):
            return line.strip()[:LINE_MAX]
    return ""


def normalised(line: str) -> str:
    """The line without times, addresses, ids and numbers."""
    line = line[:READ_MAX]
    for pattern, instead in _CHANGING:
        line = pattern.sub(instead, line)
    return line.strip()[:LINE_MAX]


def fingerprint(kind: str, subject: str, what: str) -> str:
    """Twelve hexadecimal digits; the same for the same kind of symptom of the same subject.

    what: the error line, or the probe or metric it is about.
    """
    text = "\0".join((kind, subject, normalised(what)))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def mark_of(failure: str, trace: str) -> str:
    """What tells one failure of a workload from another: its class and its error line; empty when it has none."""
    line = error_line(trace.splitlines())
    return f"{failure}: {normalised(line)}" if line else ""


def says_address_in_use(log_tail: Sequence[str]) -> bool:
    """Whether a program could not bind its address."""
    return any(ADDRESS_IN_USE.search(line) for line in log_tail)
