"""What makes two symptoms the same: the last line of a log that names an error, freed of what changes. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from actors.healer.templates import mask_word, signature_of

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
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TEMPORARY = re.compile(
    r"(?:/private)?(?:/var)?/(?:tmp|folders)/[^\s'\",;:)\]]*/(?=[^\s'\",;:)\]])|\btmp[a-z0-9_]{6,}\b"
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
    """The template of a line as templates.py masks it, with the names in its paths but for temporary ones."""
    line = _TEMPORARY.sub("TMP/", _ANSI.sub("", line[:READ_MAX]))
    masked = ("/".join(map(mask_word, word.split("/"))) for word in line.split())
    return " ".join(signature_of(tuple(masked)))[:LINE_MAX]


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
