"""Every fault of the suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.faults import alone, files, limits, lives, others, resorts, styles
from actors.faults.fault import Fault

FAULTS: Final[Sequence[Fault]] = (
    *lives.FAULTS,
    *limits.FAULTS,
    *files.FAULTS,
    *others.FAULTS,
    *styles.FAULTS,
    *resorts.FAULTS,
    *alone.FAULTS,
)
"""In the order in which they are told."""


def chosen(names: Sequence[str]) -> list[Fault]:
    """The faults of those names, in the order of the suite; all when none are named. Raises: KeyError with the name."""
    known = {fault.name for fault in FAULTS}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [fault for fault in FAULTS if not names or fault.name in names]
