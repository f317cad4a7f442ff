"""Text for terminals: colour where it is wanted, columns, and numbers as people read them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO

import msgspec

CODES: Final = {"good": "32", "warn": "33", "bad": "1;31", "dim": "2", "bold": "1", "plain": ""}
"""Tone -> what an ANSI terminal is told."""


class Paint:
    """Colours text for one stream, or leaves it as it is."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Colour only on a terminal, and not when NO_COLOR is set or TERM is dumb."""
        out = stream if stream is not None else sys.stdout
        self.on = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def __call__(self, text: str, tone: str) -> str:
        """The text in a tone of CODES."""
        code = CODES[tone]
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code and text else text


def put(*lines: str) -> None:
    """Write lines to stdout and flush; a closed pipe raises BrokenPipeError, which ends the command quietly."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def put_json(value: Any) -> None:
    """Write a struct, or plain values, as JSON that people can read too."""
    put(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


Cell = tuple[str, str]
"""Text and tone."""


def table(rows: Sequence[Sequence[str | Cell]], paint: Paint, head: Sequence[str] = ()) -> list[str]:
    """Columns as wide as their widest cell; the last one runs free. head: titles, dim."""
    cells = [[cell if isinstance(cell, tuple) else (cell, "plain") for cell in row] for row in rows]
    if head:
        cells.insert(0, [(title, "dim") for title in head])
    if not cells:
        return []
    widths = [max(len(row[column][0]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = [
            paint(text, tone) + " " * (width - len(text)) for (text, tone), width in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines


def span(seconds: float) -> str:
    """A duration as people say it: `3 ms`, `0.42 s`, `5.3 s`, `1m 15s`, `2h 5m`, `3d 4h`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 0.0995:  # noqa: PLR2004 - where one changes from ms to s
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:  # noqa: PLR2004 - two digits are enough
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    whole = round(seconds)
    for big, small, names in ((86_400, 3600, "dh"), (3600, 60, "hm"), (60, 1, "ms")):
        if whole >= big:
            return f"{whole // big}{names[0]} {whole % big // small}{names[1]}"
    return f"{whole} s"


def size(number: float) -> str:
    """Bytes as people say them, in powers of 1000: `512 B`, `3.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1000:  # noqa: PLR2004 - the next unit begins here
            return f"{number:.0f} {unit}" if unit == "B" or abs(number) >= 99.5 else f"{number:.1f} {unit}"  # noqa: PLR2004
        number /= 1000
    return f"{number:.1f} TB"


def number(value: float) -> str:
    """A figure without needless digits."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004


def in_unit(value: float, unit: str) -> str:
    """A value in bytes, percent or seconds, or a bare number for any other unit."""
    if unit == "bytes":
        return size(value)
    if unit == "percent":
        return f"{number(value)} %"
    return span(value) if unit == "seconds" else number(value)


def measured(metric: str, value: float) -> str:
    """The value of a metric in its unit. metric: as in actors.settings METRICS, of the host, or any other name."""
    return in_unit(value, unit_of(metric))


def unit_of(metric: str) -> str:
    """The unit of a metric that is measured anyway, by its name."""
    if metric in {"memory", "memory_total", "pss", "disk_read", "disk_write", "net_in", "net_out"}:
        return "bytes"
    if metric in {"cpu", "monitor_cpu", "error_rate", "availability", "disk", "inodes", "swap", "memory_percent"}:
        return "percent"
    if metric.startswith(("pressure_", "stall_")):
        return "percent"
    return "seconds" if metric in {"latency", "uptime"} or metric.endswith("_s") else "count"
