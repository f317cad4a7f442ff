"""`gyrostat attach`: the output of workloads as it is written, and when they start and end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.exits import OK, Failed, NotRunning
from actors.cli.options import Number, command
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.follow import Follower
    from bus.messages import ProcessRow
    from bus.subscriber import Event

LOOK_S: Final = 0.1
"""Seconds between two looks for more output."""


@command("attach web-1", "attach web                   all instances, each line with its name", "attach @jobs -n 0")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-n", "--tail", "lines", type=Number(min=0), default=10, show_default=True, help="Last lines.")
@click.option("--quiet", is_flag=True, help="The output alone, not when a process starts and ends.")
def attach(place: Place, *, names: tuple[str, ...], lines: int, quiet: bool) -> int:
    """Show the output of workloads as it is written, through restarts and rotation, until Ctrl-C.

    NAME may be a pattern ('web-*') or a tag (@TAG). Detaching changes nothing: the output goes to the log, and is read
    from there. Instances that are added meanwhile are shown too.
    """
    from bus.subscriber import Subscriber

    view = View(place, names)
    with Subscriber(place.endpoints_file(), ("process",)) as subscriber:
        try:
            view.begin(lines)
            while True:
                event = subscriber.next(LOOK_S)
                view.show()
                if event is not None:
                    view.tell(event, quiet=quiet)
        except KeyboardInterrupt:
            return OK
        finally:
            view.close()


class View:
    """The logs that are shown. names: as in chosen.chosen."""

    def __init__(self, place: Place, names: tuple[str, ...]) -> None:
        from actors.cli.forms import Lines
        from actors.cli.paint import Paint
        from actors.cli.stream import Teller

        self._place = place
        self._names = names
        self._paint = Paint()
        self._teller = Teller(self._paint)
        self._logs: dict[str, Follower] = {}
        self._shown = Lines(None)

    def begin(self, lines: int) -> None:
        """Show the last lines of each. Raises: click.UsageError; NotRunning."""
        from actors.cli.follow import tail_and_on
        from actors.cli.forms import Lines, named

        rows = self._chosen()
        if len(rows) > 1 or rows[0].instance is not None:
            self._shown = Lines(named(self._paint))
        for row in rows:
            last, self._logs[row.name] = tail_and_on(Path(row.log_path), lines)
            self._write(row.name, last)

    def show(self) -> None:
        """Show what was added since."""
        import sys

        from actors.cli.events import see_reader

        for name, log in self._logs.items():
            for block in log.look():
                self._write(name, block)
        sys.stdout.buffer.flush()
        see_reader()

    def tell(self, event: Event, *, quiet: bool) -> None:
        """Show what happened to one of them."""
        from actors.cli.paint import put
        from actors.cli.words import is_news, kind_of

        if kind_of(event.type) == "process.started" and event.subject not in self._logs:
            self._add_new()
        if event.subject in self._logs and is_news(event.type, event.data) and not quiet:
            put(self._teller.line(event, event.data))

    def _add_new(self) -> None:
        """Show those too that were added meanwhile; when the node is gone by now, the next start tells again."""
        with contextlib.suppress(NotRunning, Failed):
            for row in self._chosen():
                if row.name not in self._logs:
                    self._add(row)

    def close(self) -> None:
        """Let go of the files."""
        for log in self._logs.values():
            log.close()

    def _chosen(self) -> list[ProcessRow]:
        from actors.cli.chosen import chosen
        from bus.messages import ListProcesses

        table: Any = self._place.ask(ListProcesses())
        return chosen(self._names, table.processes, table.none)

    def _add(self, row: ProcessRow) -> None:
        from actors.cli.follow import Follower

        self._logs[row.name] = Follower(Path(row.log_path), 0)

    def _write(self, name: str, block: bytes) -> None:
        import sys

        sys.stdout.buffer.write(self._shown.take(name, block))
