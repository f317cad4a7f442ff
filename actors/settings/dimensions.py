"""What an operator says about the values of one hole of a data set's pattern. Types only; pure."""

import msgspec
from msgspec import Struct

from actors.settings.dates import Step
from actors.settings.markers import Command
from actors.settings.units import Seconds


class Dates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dates one step apart. One of from and last."""

    first: str | None = msgspec.field(default=None, name="from")
    """First date: 2024-01-31, 2024-01-31T06:00, today or yesterday."""

    last: Seconds | None = None
    """Seconds before now at which the first date lies."""

    to: str = "yesterday"
    """Last date, included; a day counts to its end. What has not come yet is never expected."""

    step: Step = "day"
    """minute, hour, day, week, month or year."""

    lag: Seconds = Seconds(0)
    """Seconds after its beginning from which on a date is expected."""

    timezone: str = "UTC"
    """Zone of the dates."""

    def __post_init__(self) -> None:
        """Refuse what has no beginning, or two.

        Raises: ValueError.
        """
        if (self.first is None) == (self.last is None):
            raise ValueError("exactly one of from and last is needed")

    @property
    def bounds(self) -> tuple[str | Seconds, str]:
        """Where they begin and where they end."""
        return (self.first if self.first is not None else self.last or Seconds(0)), self.to


class Dimension(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of one hole of a pattern. Exactly one of dates, values, sql and dataset."""

    dates: Dates | None = None
    """A range of dates."""

    values: Command | None = None
    """A list; numbers are taken as written."""

    sql: str | None = None
    """A query whose first column has the values; needs database."""

    database: str | None = None
    """For sql: an SQLite file, relative to the config file, or postgresql://USER@HOST/NAME."""

    dataset: str | None = None
    """Another data set: its keys that are there, without prefix and suffix."""

    prefix: str = ""
    """For dataset: keys that begin otherwise are left out."""

    suffix: str = ""
    """For dataset: keys that end otherwise are left out."""

    def __post_init__(self) -> None:
        """Refuse none or several, and a query without a database.

        Raises: ValueError.
        """
        if sum(each is not None for each in (self.dates, self.values, self.sql, self.dataset)) != 1:
            raise ValueError("exactly one of dates, values, sql and dataset is needed")
        if (self.sql is None) != (self.database is None):
            raise ValueError("sql and database belong together")
        if self.dataset is None and (self.prefix or self.suffix):
            raise ValueError("prefix and suffix go with dataset")
