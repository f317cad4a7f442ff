"""What a workload may use of the machine, and with what precedence. Types only; pure."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Environment
from actors.settings.units import Bytes, UnitError

RLIMITS: Final = (
    "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
)  # fmt: skip
"""Limits of the kernel that can be named, as limits.conf and ulimit name them, in lower case."""

RLIMIT_ALLOWED: Final = "a number, a size (8MiB), unlimited, or SOFT:HARD"
IONICE_ALLOWED: Final = "idle, best-effort, best-effort:0 to best-effort:7, realtime, realtime:0 to realtime:7"
QUOTA_ALLOWED: Final = "a percentage of one core: 50%, 150%"
UMASK_ALLOWED: Final = 'three or four octal digits in quotes: "027"'
UNLIMITED: Final = -1

_IN_BYTES: Final = frozenset({"as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack"})
_IONICE: Final = re.compile(r"(?P<kind>idle|best-effort|realtime)(?::(?P<level>[0-7]))?")
_IONICE_KINDS: Final = {"realtime": 1, "best-effort": 2, "idle": 3}
_QUOTA: Final = re.compile(r"(\d{1,6}(?:\.\d+)?)\s?%", re.ASCII)
_UMASK: Final = re.compile(r"0?[0-7]{3}")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the kernel, or else the node, holds the processes of a workload to."""

    nice: Annotated[int, Meta(ge=-20, le=19)] | None = None
    """Precedence for the processor, from -20, first, to 19, last. Below the node's own only as root."""

    ionice: str | None = None
    """Precedence for the disk: idle, best-effort:0-7, realtime:0-7; 0 is first. Linux."""

    memory_max: Bytes | None = None
    """Bytes of memory of all its processes. More is refused by the kernel where the node may make control groups;
    elsewhere the node restarts the workload."""

    cpu_quota: str | None = None
    """Share of processor time, in percent of one core: 150% is one and a half. By control groups only."""

    rlimits: Environment = msgspec.field(default_factory=dict)
    """Name of a limit of the kernel (see RLIMITS) -> number, size, `unlimited`, or SOFT:HARD. Of each process."""

    def __post_init__(self) -> None:
        """Refuse what is no limit.

        Raises: ValueError that begins with the key at fault.
        """
        if self.ionice is not None and _IONICE.fullmatch(self.ionice) is None:
            raise ValueError(f'ionice: "{self.ionice}" is unknown; allowed: {IONICE_ALLOWED}')
        if self.memory_max is not None and self.memory_max < 1_000_000:  # noqa: PLR2004 - no program fits below
            raise ValueError("memory_max: is too small; allowed: 1MB or more")
        if self.cpu_quota is not None:
            cpu_cores(self.cpu_quota)
        for name, text in self.rlimits.items():
            rlimit_of(name, text)


def cpu_cores(text: str) -> float:
    """Read a quota as cores: 150% is 1.5.

    Raises: ValueError.
    """
    match = _QUOTA.fullmatch(text.strip())
    if match is None or float(match[1]) < 1:
        raise ValueError(f'cpu_quota: "{text}" is no share of a core; allowed: {QUOTA_ALLOWED}')
    return float(match[1]) / 100


def ionice_of(text: str) -> tuple[int, int]:
    """Read a precedence for the disk that Limits has taken: class and level as the kernel numbers them."""
    match = _IONICE.fullmatch(text)
    if match is None:
        raise ValueError(f'ionice: "{text}" is unknown; allowed: {IONICE_ALLOWED}')
    return _IONICE_KINDS[match["kind"]], int(match["level"] or 4)


def rlimit_of(name: str, text: str) -> tuple[int, int]:
    """Read one limit: soft and hard, UNLIMITED for none.

    Raises: ValueError.
    """
    if name not in RLIMITS:
        raise ValueError(f'rlimits: there is no limit "{name}"; allowed: {", ".join(RLIMITS)}')
    soft, colon, hard = text.partition(":")
    limits = _amount(name, text, soft), _amount(name, text, hard if colon else soft)
    if limits[1] != UNLIMITED and not 0 <= limits[0] <= limits[1]:
        raise ValueError(f'rlimits: {name} "{text}": the soft limit is above the hard one; allowed: SOFT:HARD')
    return limits


def umask_of(text: str) -> int:
    """Read a mask of permissions.

    Raises: ValueError.
    """
    if _UMASK.fullmatch(text) is None:
        raise ValueError(f'umask: "{text}" is no mask; allowed: {UMASK_ALLOWED}')
    return int(text, 8)


def _amount(name: str, whole: str, text: str) -> int:
    if text == "unlimited":
        return UNLIMITED
    if text.isdecimal() and len(text) < 19:  # noqa: PLR2004 - what fits into 63 bits
        return int(text)
    if name in _IN_BYTES:
        try:
            return int(Bytes.parse(text))
        except UnitError:
            pass
    raise ValueError(f'rlimits: {name} "{whole}" is no limit; allowed: {RLIMIT_ALLOWED}')
