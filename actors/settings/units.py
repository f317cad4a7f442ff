"""Quantities that people write with a unit, and the same quantities as people read them. Pure.

A duration is kept in seconds, a size in bytes, a share between 0 and 1, a level in the unit it was written in.
"""

import math
import re
from pathlib import PurePath
from typing import Final, Literal, Self

Unit = Literal["bytes", "percent", "count", "seconds"]

DURATIONS_ALLOWED: Final = "500ms, 30s, 5m, 2h, 1d or 1m30s; a bare number is seconds"
SIZES_ALLOWED: Final = "200MB, 1.5GB or 64KiB (B, kB, MB, GB, TB; KiB, MiB, GiB, TiB); a bare number is bytes"
SHARES_ALLOWED: Final = "0% to 100%, or 0 to 1 as a bare number"
LEVELS_ALLOWED: Final = "a number, a percentage (80%), a size (200MB) or a duration (1s)"

DURATION_S_MAX: Final = 36_500 * 86_400.0
"""Seconds. A hundred years; whatever is above is a slip of the keyboard."""

SIZE_BYTES_MAX: Final = 2**63 - 1
"""Bytes. The largest offset of a file."""

_NUMBER: Final = r"\d+(?:\.\d+)?"
_DURATION: Final = re.compile(
    rf"(?:(?P<d>{_NUMBER})d)?(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?!s))?"
    rf"(?:(?P<s>{_NUMBER})s)?(?:(?P<ms>{_NUMBER})ms)?",
    re.ASCII,
)
_DURATION_S: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_BARE: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER})\s?([kmgt]?i?b)", re.IGNORECASE | re.ASCII)
_SIZE_BYTES: Final = {
    "b": 1,
    "kb": 1_000,
    "mb": 1_000_000,
    "gb": 1_000_000_000,
    "tb": 1_000_000_000_000,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
_PERCENT: Final = re.compile(rf"({_NUMBER})\s?%", re.ASCII)


class UnitError(ValueError):
    """A text that is no quantity of the kind asked for."""

    def __init__(self, problem: str, allowed: str) -> None:
        """Keep what is wrong and what would be right apart, so that a fault can show both."""
        super().__init__(f"{problem}; allowed: {allowed}")
        self.problem = problem
        self.allowed = allowed


class Seconds(float):
    """A duration, in seconds."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """Read `30s`, `1m30s` or a bare number of seconds.

        Raises: UnitError.
        """
        return cls(_parse_duration_s(text))


class Bytes(int):
    """A size, in bytes."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """Read `200MB` (10**6), `64KiB` (2**10) or a bare number of bytes.

        Raises: UnitError.
        """
        return cls(_parse_size_bytes(text))


class Share(float):
    """A fraction between 0 and 1."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """Read `80%` as 0.8, or a bare number between 0 and 1 as itself.

        Raises: UnitError.
        """
        return cls(_parse_share(text))


class Level(float):
    """A value to compare a metric with, and the unit it was written in (None: a bare number)."""

    unit: Unit | None

    def __new__(cls, value: float, unit: Unit | None = None) -> Self:
        """value: in `unit`; percent is kept as 80.0 for 80%."""
        level = super().__new__(cls, value)
        level.unit = unit
        return level

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """Read `80%`, `200MB`, `1s` or a bare number.

        Raises: UnitError.
        """
        bare = _bare_number(text)
        if bare is not None:
            return cls(bare)
        written = str(text).strip()
        if percent := _PERCENT.fullmatch(written):
            return cls(float(percent[1]), "percent")
        if _SIZE.fullmatch(written):
            return cls(_parse_size_bytes(written), "bytes")
        if written and _DURATION.fullmatch(written):
            return cls(_parse_duration_s(written), "seconds")
        raise UnitError(f"{shown(text)} is not a level", LEVELS_ALLOWED)


def parse_duration(text: str | float) -> Seconds:
    """Read a duration.

    Raises: UnitError.
    """
    return Seconds.parse(text)


def parse_size(text: str | float) -> Bytes:
    """Read a size.

    Raises: UnitError.
    """
    return Bytes.parse(text)


def parse_share(text: str | float) -> Share:
    """Read a share.

    Raises: UnitError.
    """
    return Share.parse(text)


def format_duration(seconds: float) -> str:
    """Write a duration for people, to the millisecond (below 10 ms to the microsecond): 1m30s, 1.5s, 250ms.

    seconds: finite; a negative one is written with a minus sign.
    """
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds < 0.01:  # noqa: PLR2004 - the limit named above
        return f"{_trim(seconds * 1000)}ms" if seconds >= 5e-7 else "0s"  # noqa: PLR2004 - half a microsecond
    whole_ms = round(seconds * 1000)
    if whole_ms < 1000:  # noqa: PLR2004 - milliseconds in a second
        return f"{whole_ms}ms"
    minutes, rest_ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    if rest_ms:
        parts.append(f"{_trim(rest_ms / 1000)}s")
    return "".join(parts)


def format_size(size_bytes: float) -> str:
    """Write a size for people: whole binary units as KiB, MiB..., all else in decimal units to two places.

    size_bytes: finite; a negative one is written with a minus sign.
    """
    if size_bytes < 0:
        return f"-{format_size(-size_bytes)}"
    whole = round(size_bytes)
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        step = _SIZE_BYTES[unit.lower()]
        if whole >= step and whole % step == 0 and whole % 1000:
            return f"{whole // step}{unit}"
    for unit in ("TB", "GB", "MB", "kB"):
        step = _SIZE_BYTES[unit.lower()]
        if whole >= step:
            return f"{_trim(round(whole / step, 2))}{unit}"
    return f"{whole}B"


def dec_hook(kind: type, value: object) -> object:
    """Decode hook of msgspec for the types of this file.

    Raises: UnitError; NotImplementedError for a type of another file.
    """
    if not issubclass(kind, Seconds | Bytes | Share | Level):
        raise NotImplementedError(f"no unit type: {kind.__name__}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnitError(f"{shown(value)} is not a {kind.__name__.lower()} value", "a text or a number")
    return kind.parse(value)


def enc_hook(value: object) -> object:
    """Encode hook of msgspec for settings: the bare number of a quantity, the text of a path.

    Raises: NotImplementedError for another type.
    """
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"no unit type: {type(value).__name__}")


def _parse_duration_s(text: str | float) -> float:
    bare = _bare_number(text)
    if bare is not None:
        total = bare
    else:
        written = str(text).strip()
        match = _DURATION.fullmatch(written)
        if not written or match is None:
            raise UnitError(f"{shown(text)} is not a duration", DURATIONS_ALLOWED)
        found = match.groupdict()
        total = sum(float(found[unit]) * step for unit, step in _DURATION_S.items() if found[unit])
        total += float(found["ms"] or 0) / 1000
    if total > DURATION_S_MAX:
        raise UnitError(f"{shown(text)} is longer than a hundred years", DURATIONS_ALLOWED)
    return total


def _parse_size_bytes(text: str | float) -> int:
    bare = _bare_number(text)
    if bare is not None:
        size = bare
    else:
        match = _SIZE.fullmatch(str(text).strip())
        step = _SIZE_BYTES.get(match[2].lower()) if match else None
        if match is None or step is None:
            raise UnitError(f"{shown(text)} is not a size", SIZES_ALLOWED)
        number = match[1]
        size = int(number) * step if number.isdecimal() else float(number) * step
    if size > SIZE_BYTES_MAX:
        raise UnitError(f"{shown(text)} is more than any file can hold", SIZES_ALLOWED)
    return round(size)


def _parse_share(text: str | float) -> float:
    bare = _bare_number(text)
    if bare is not None:
        share = bare
    elif percent := _PERCENT.fullmatch(str(text).strip()):
        share = float(percent[1]) / 100
    else:
        raise UnitError(f"{shown(text)} is not a share", SHARES_ALLOWED)
    if share > 1:
        raise UnitError(f"{shown(text)} is more than the whole", SHARES_ALLOWED)
    return share


def _bare_number(text: str | float) -> float | int | None:
    """Give the number of a text or number without a unit; None when there is a unit or no number at all."""
    if isinstance(text, str):
        written = text.strip()
        if not _BARE.fullmatch(written):
            return None
        text = int(written) if written.isdecimal() else float(written)
    if isinstance(text, float) and not math.isfinite(text):
        raise UnitError(f"{shown(text)} is not finite", "a finite number")
    if text < 0:
        raise UnitError(f"{shown(text)} is negative", "zero or more")
    return text


def _trim(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def shown(value: object) -> str:
    """Give the value as a person wrote it, shortened."""
    text = str(value)
    return f'"{text[:37]}..."' if len(text) > 40 else f'"{text}"'  # noqa: PLR2004 - a line of the terminal has 80
