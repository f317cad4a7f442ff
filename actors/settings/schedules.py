"""When a workload runs: at times, at intervals, in windows. Types only; pure, but for the late import of the parser."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.units import Seconds

CRON_ALLOWED: Final = 'five fields (minute hour day month weekday) in double quotes, such as "30 2 * * *", or @daily'
SHORTHANDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS: Final = 5


def cron_fields(text: str) -> str:
    """Give the five fields of a cron expression, a shorthand spelled out.

    Raises: ValueError that says what is wrong.
    """
    import cronsim  # noqa: PLC0415 - few configs have a schedule

    fields = SHORTHANDS.get(text.strip().lower(), text.strip())
    if len(fields.split()) != _FIELDS:
        raise ValueError(f'"{text}" has not five fields; allowed: {CRON_ALLOWED}')
    try:
        # It has to come round at least once: February 30 is refused by the parser.
        from datetime import UTC, datetime  # noqa: PLC0415 - as above

        next(cronsim.CronSim(fields, datetime(2026, 1, 1, tzinfo=UTC)))
    except cronsim.CronSimError as error:
        raise ValueError(f'"{text}": {str(error).lower()}; allowed: {CRON_ALLOWED}') from None
    except StopIteration:
        raise ValueError(f'"{text}" never comes; allowed: {CRON_ALLOWED}') from None
    return fields


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a workload that ends by itself is run again and again. Exactly one of cron and every."""

    cron: str | None = None
    """Times by the wall clock, in cron's five fields or a shorthand such as @daily. A time that a change to summer time
    leaves out is made up for at once; one that comes twice counts once."""

    every: Seconds | None = None
    """Seconds between the beginnings of two runs, counted by a clock that nobody sets. The first run is at once."""

    timezone: str | None = None
    """Zone of cron, as in Europe/Berlin. None: that of the machine."""

    overlap: Literal["skip", "queue", "replace"] = "skip"
    """When it still runs at its next time. skip: that time is left out, and told. queue: it runs once more when it has
    ended. replace: it is stopped and started anew."""

    missed: Literal["skip", "run_once"] = "skip"
    """When its time passed while no node ran, or the machine slept. skip: the next time counts. run_once: it runs once,
    however many times were missed."""

    missed_within: Seconds = Seconds(86_400)
    """Seconds after which a missed time is not made up for any more."""

    def __post_init__(self) -> None:
        """Refuse what has no time, two, or one that never comes.

        Raises: ValueError.
        """
        if (self.cron is None) == (self.every is None):
            raise ValueError("exactly one of cron and every is needed")
        if self.cron is not None:
            try:
                cron_fields(self.cron)
            except ValueError as error:
                raise ValueError(f"cron: {error}") from None
        if self.every is not None and self.every < 1:
            raise ValueError("every: has to be at least 1s")
        if self.every is not None and self.timezone is not None:
            raise ValueError("timezone: goes with cron; an interval is the same everywhere")


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time that comes again and again, and lasts."""

    opens: str
    """When it begins, in cron's five fields or a shorthand."""

    lasts: Seconds
    """Seconds from its beginning to its end."""

    timezone: str | None = None
    """Zone of opens. None: that of the machine."""

    def __post_init__(self) -> None:
        """Refuse one that never opens or has no length.

        Raises: ValueError.
        """
        try:
            cron_fields(self.opens)
        except ValueError as error:
            raise ValueError(f"opens: {error}") from None
        if self.lasts <= 0:
            raise ValueError("lasts: has to be more than 0s")


class Windows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a workload may run, and when it may be disturbed."""

    run: Annotated[list[Window], Meta(max_length=16)] = msgspec.field(default_factory=list)
    """It runs in these only: started when one opens, stopped when the last one ends. None: always."""

    maintenance: Annotated[list[Window], Meta(max_length=16)] = msgspec.field(default_factory=list)
    """A changed config restarts it in these only; until then it goes on as it is. None: at once. A person's restart,
    and the repair of what does not work, wait for nothing."""
