"""What is learnt, row by row, and how what two nodes learnt becomes one. Pure.

A row belongs to the node that learnt it (origin); only that one adds to it. So of two versions of a row the one with
more in it is the newer, and taking over the same file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import msgspec

from actors.healer.learning import Tally


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one remedy for one fingerprint."""

    origin: str
    subject: str
    fingerprint: str
    kind: str
    failure: str
    remedy: str
    tally: Tally = Tally()

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same row."""
        return self.origin, self.fingerprint, self.remedy


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did that ended an issue. how: told by the person, or seen. remedy: when it is one, else empty.

    fix: its id, unique among all nodes. time: Unix seconds.
    """

    fix: str
    origin: str
    time: float
    issue: str
    subject: str
    fingerprint: str
    kind: str
    failure: str
    text: str
    remedy: str = ""
    how: Literal["told", "seen"] = "told"


class Omen(msgspec.Struct, frozen=True, kw_only=True):
    """How often a sign was seen on a subject, and came before a failure of one fingerprint.

    With an empty fingerprint: seen, whatever followed. preceded: the failure followed. prevented, missed: something was
    done beforehand, and the failure did not follow, or did. lead_s: seconds from sign to failure, of all together.
    """

    origin: str
    subject: str
    sign: str
    fingerprint: str = ""
    seen: int = 0
    preceded: int = 0
    prevented: int = 0
    missed: int = 0
    lead_s: float = 0.0
    last_at: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same row."""
        return self.origin, self.subject, self.sign, self.fingerprint

    @property
    def weight(self) -> int:
        """How much is in it."""
        return self.seen + self.preceded + self.prevented + self.missed


class Lore(msgspec.Struct, frozen=True, kw_only=True):
    """All that was learnt."""

    outcomes: list[Outcomes] = []
    fixes: list[Fix] = []
    omens: list[Omen] = []


class LoreFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it is exported: JSON. time: Unix seconds."""

    format: Literal["gyrostat-lore-1"]
    node: str
    time: float
    lore: Lore


R = TypeVar("R", Outcomes, Omen)


def news(here: Lore, there: Lore) -> Lore:
    """What of the other is not here yet, or has more in it than what is here."""
    known = {fix.fix for fix in here.fixes}
    return Lore(
        outcomes=_greater(here.outcomes, there.outcomes, lambda row: row.tally.tries),
        fixes=[fix for fix in there.fixes if fix.fix not in known],
        omens=_greater(here.omens, there.omens, lambda row: row.weight),
    )


def _greater(here: Iterable[R], there: Iterable[R], size: Callable[[R], int]) -> list[R]:
    known = {row.key: size(row) for row in here}
    best: dict[tuple[str, ...], R] = {}
    for row in there:
        if size(row) > max(known.get(row.key, 0), size(best[row.key]) if row.key in best else 0):
            best[row.key] = row
    return list(best.values())


def split(lore: Lore, most: int) -> list[Lore]:
    """The same in parts of at most so many rows; one part at least."""
    rows = _rows(lore)
    return [_of_rows(rows[first : first + most]) for first in range(0, max(1, len(rows)), most)]


def joined(parts: Iterable[Lore]) -> Lore:
    """Parts as one."""
    return _of_rows(row for part in parts for row in _rows(part))


def _rows(lore: Lore) -> list[Outcomes | Fix | Omen]:
    return [*lore.outcomes, *lore.fixes, *lore.omens]


def _of_rows(rows: Iterable[Outcomes | Fix | Omen]) -> Lore:
    lore = Lore(outcomes=[], fixes=[], omens=[])
    for row in rows:
        if isinstance(row, Outcomes):
            lore.outcomes.append(row)
        elif isinstance(row, Fix):
            lore.fixes.append(row)
        else:
            lore.omens.append(row)
    return lore
