"""Readings as people say them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_UNITS: Final[Mapping[str, str]] = {
    "memory": "bytes",
    "cpu": "percent",
    "availability": "percent",
    "error_rate": "percent",
    "disk": "percent",
    "swap": "percent",
    "latency": "seconds",
    "cycle_s": "seconds",
    "uptime": "seconds",
}
_SIZES: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_DURATIONS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def said(metric: str, value: float, unit: str = "") -> str:
    """A value with its unit: 212 MB, 97.4 %, 1.2 s. unit: of the metric; without, that of its name, else a number."""
    unit = unit or _UNITS.get(metric, "count")
    if unit == "bytes":
        return size(value)
    if unit == "percent":
        return f"{figure(value)} %"
    return duration(value) if unit == "seconds" else figure(value)


def size(size_bytes: float) -> str:
    """Bytes in decimal units, three digits."""
    for step, unit in _SIZES:
        if abs(size_bytes) >= step:
            return f"{figure(size_bytes / step)} {unit}"
    return f"{figure(size_bytes)} B"


def duration(seconds: float) -> str:
    """Seconds as milliseconds, seconds, minutes, hours or days; what is under a millisecond as none."""
    if abs(seconds) < 0.001:  # noqa: PLR2004 - a millisecond
        return "0 s"
    if abs(seconds) < 1:
        return f"{figure(seconds * 1000)} ms"
    for step, unit in _DURATIONS:
        if abs(seconds) >= 2 * step:
            return f"{figure(seconds / step)} {unit}"
    return f"{figure(seconds)} s"


def figure(value: float) -> str:
    """At least three digits, no exponent, no trailing zeros."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004 - three digits
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
