"""Ranges of dates: how many there are, and which, without making more than are asked for. Pure: now is given."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from msgspec import Struct

from actors.settings.units import Seconds

Step = Literal["minute", "hour", "day", "week", "month", "year"]

DATE_ALLOWED: Final = "2024-01-31, 2024-01-31T06:00, today or yesterday"
FORMS: Final[dict[Step, str]] = {
    "minute": "%Y-%m-%dT%H:%M",
    "hour": "%Y-%m-%dT%H",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
    "year": "%Y",
}
"""How a date is written in a hole that does not say it."""

_LENGTHS: Final[dict[Step, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS: Final = 12
_WORDS: Final = {"today": 0, "yesterday": 1}


class Range(Struct, frozen=True):
    """Dates from `first`, count of them, one step apart; wall times without a zone."""

    first: datetime
    step: Step
    count: int

    def __iter__(self) -> Iterator[datetime]:
        """Give them in order."""
        length = _LENGTHS.get(self.step)
        for number in range(self.count):
            yield self.first + number * length if length is not None else _months_on(self.first, self._months(number))

    def _months(self, number: int) -> int:
        return number * (_MONTHS if self.step == "year" else 1)


def parse_date(text: str, today: datetime) -> tuple[datetime, bool]:
    """Read a date; gives it, and whether it is a whole day.

    today: the beginning of today. Raises: ValueError.
    """
    if text in _WORDS:
        return today - timedelta(days=_WORDS[text]), True
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no date; allowed: {DATE_ALLOWED}') from None
    if found.tzinfo is not None:
        raise ValueError(f'"{text}" has a zone of its own; allowed: {DATE_ALLOWED}, and timezone beside it')
    return found, len(text) == len("2024-01-31")


def date_range(bounds: tuple[str | Seconds, str], step: Step, now: datetime, lag_s: float = 0.0) -> Range:
    """Give the dates from a first date, or a time before now, to a last one, both included; none that has not come.

    bounds: a duration as the first one goes back from now. now: in the zone the dates are meant in. lag_s: seconds
    after its beginning from which on a date counts. Raises: ValueError.
    """
    here = now.replace(tzinfo=None)
    today = datetime.combine(here.date(), time())
    begins, ends = bounds
    first = here - timedelta(seconds=begins) if isinstance(begins, Seconds) else parse_date(begins, today)[0]
    final, whole_day = parse_date(ends, today)
    if whole_day:
        final += timedelta(days=1) - timedelta(microseconds=1)
    final = min(final, here - timedelta(seconds=lag_s))
    first = _floor(first, step, up=isinstance(begins, Seconds))
    return Range(first, step, _count(first, final, step))


def zone_now(now_s: float, zone: tzinfo = UTC) -> datetime:
    """Give a wall time as a date in a zone."""
    return datetime.fromtimestamp(now_s, zone)


def _count(first: datetime, final: datetime, step: Step) -> int:
    if final < first:
        return 0
    length = _LENGTHS.get(step)
    if length is not None:
        return (final - first) // length + 1
    months = (final.year - first.year) * _MONTHS + final.month - first.month
    if months and _months_on(first, months) > final:
        months -= 1
    return months // (_MONTHS if step == "year" else 1) + 1


def _floor(date: datetime, step: Step, *, up: bool) -> datetime:
    """The beginning of the step a date is in; up: the next beginning, unless it is one itself."""
    floors = {
        "minute": date.replace(second=0, microsecond=0),
        "hour": date.replace(minute=0, second=0, microsecond=0),
        "month": datetime(date.year, date.month, 1),  # noqa: DTZ001 - wall time of a zone that is kept beside it
        "year": datetime(date.year, 1, 1),  # noqa: DTZ001
    }
    floor = floors.get(step, datetime.combine(date.date(), time()))
    if not up or floor == date:
        return floor
    length = _LENGTHS.get("day" if step == "week" else step)
    return floor + length if length is not None else _months_on(floor, 1 if step == "month" else _MONTHS)


def _months_on(date: datetime, months: int) -> datetime:
    years, month = divmod(date.month - 1 + months, _MONTHS)
    return date.replace(year=date.year + years, month=month + 1)
