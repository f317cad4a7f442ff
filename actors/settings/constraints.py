"""Limits on values that `msgspec.Meta` puts on a type. Pure."""

import re
from collections.abc import Callable, Sized
from typing import Any

from msgspec import Meta

from actors.settings.reading import BAD, Reader, Reading
from actors.settings.tree import Tree
from actors.settings.units import Bytes, Seconds, format_duration, format_size, shown

_Check = Callable[[Any], str | None]
"""Gives what is allowed when the value is not; None when it is."""


def constrained(read: Reader, meta: Meta) -> Reader:
    """Make a reader that refuses what is outside the limits.

    Source: the meaning of each limit is msgspec's.
    """
    checks = list(_checks(meta))

    def read_checked(reading: Reading, tree: Tree, key: str) -> object:
        value = read(reading, tree, key)
        if value is BAD:
            return BAD
        for check in checks:
            allowed = check(value)
            if allowed is not None:
                return reading.refuse(tree, key, f"{_written(value)} is not allowed", allowed)
        return value

    return read_checked if checks else read


def _checks(meta: Meta) -> list[_Check]:
    checks: list[_Check] = []
    if (least := meta.ge) is not None:
        checks.append(lambda value: None if value >= least else f"at least {_limit(least, value)}")
    if (below := meta.gt) is not None:
        checks.append(lambda value: None if value > below else f"more than {_limit(below, value)}")
    if (most := meta.le) is not None:
        checks.append(lambda value: None if value <= most else f"at most {_limit(most, value)}")
    if (above := meta.lt) is not None:
        checks.append(lambda value: None if value < above else f"less than {_limit(above, value)}")
    if (step := meta.multiple_of) is not None:
        checks.append(lambda value: None if value % step == 0 else f"a multiple of {step}")
    if (pattern := meta.pattern) is not None:
        checks.append(lambda value: None if re.search(pattern, value) else f"what matches {pattern}")
    if (shortest := meta.min_length) is not None:
        checks.append(lambda value: None if len(value) >= shortest else f"a length of at least {shortest}")
    if (longest := meta.max_length) is not None:
        checks.append(lambda value: None if len(value) <= longest else f"a length of at most {longest}")
    return checks


def _limit(limit: float, value: object) -> str:
    """Write a limit in the way the value is written."""
    if isinstance(value, Seconds):
        return format_duration(limit)
    return format_size(limit) if isinstance(value, Bytes) else str(limit)


def _written(value: object) -> str:
    if isinstance(value, Seconds | Bytes):
        return _limit(value, value)
    if isinstance(value, Sized) and not isinstance(value, str):
        return f"a length of {len(value)}"
    return shown(value)
