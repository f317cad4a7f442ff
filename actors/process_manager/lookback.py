"""Gives the last lines of a workload's log, with their places. I/O."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Final

from actors.process_manager.cuts import cut_of, data_start
from actors.process_manager.life import Life
from actors.process_manager.lookout import fail
from actors.process_manager.means import Means
from bus.messages import LogErrorLine, LogPart, ReadLog

PART_BYTES: Final = 256 * 1024
"""What is read at most."""
LINE_BYTES: Final = 4096
"""What is kept of one line."""


def look_back(means: Means, life: Life, command: ReadLog, request: Any) -> None:
    """Answer the command, from a thread."""
    path, start, end = life.launch.log_path, life.log_start, None
    incarnation = life.incarnation
    if command.ended and life.last_log is not None:
        path, begin, end = life.last_log
        if life.pid is not None:
            incarnation -= 1
            if end is None and path == life.launch.log_path:
                end = life.log_start
        start = begin

    def read(found: list[LogErrorLine] | Exception) -> None:
        if isinstance(found, Exception):
            fail(request, found)
        else:
            request.answer(LogPart(lines=found, incarnation=incarnation))

    means.run(partial(last_lines, path, start, end, command.lines), read)


def last_lines(path: str, start: int, end: int | None, most: int) -> list[LogErrorLine]:
    """The last lines between two bytes of a log, oldest first; of a file that is missing, none.

    end: None for the file's end. A line that has no end yet is among them.
    """
    try:
        with cut_of(path) as cut, open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered
            there = os.fstat(file.fileno())
            stop = there.st_size if end is None else min(end, there.st_size)
            begin = max(start, data_start(file.fileno()), stop - PART_BYTES)
            raw = os.pread(file.fileno(), max(0, stop - begin), begin)
            offset = cut.of(there.st_ino) + begin
    except OSError:
        return []
    if begin > start and begin == stop - PART_BYTES:
        torn = raw.find(b"\n") + 1
        raw, offset = raw[torn:], offset + torn
    found = []
    for line in raw.removesuffix(b"\n").split(b"\n") if raw else []:
        found.append(LogErrorLine(offset=offset, text=line[:LINE_BYTES].rstrip(b"\r").decode("utf-8", "replace")))
        offset += len(line) + 1
    return found[-most:] if most > 0 else []
