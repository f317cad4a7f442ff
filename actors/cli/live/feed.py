"""Asks the node for `top`, in a thread of its own, so that a key is never waited for. Touches the bus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from actors.cli.exits import Failed
from actors.cli.live.model import Do, Look, Verb
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.message import Command

EVERY_S: Final = 1.0
"""Seconds between two looks."""
ANSWER_S: Final = 3.0
DONE_S: Final = 60.0
"""Seconds for a restart: the grace of a workload, and its start."""
LOG_LINES: Final = 500
WHY: Final = "asked in top"

Hear = Callable[[str, Any], None]
"""Of what came in: look, log or message, and the thing itself."""


class Feed:
    """One thread that looks, and one for each thing to be done; whatever comes in goes to `hear`."""

    def __init__(self, place: Place, hear: Hear, *, every_s: float = EVERY_S) -> None:
        self._place = place
        self._hear = hear
        self._every_s = every_s
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._log_of = ""
        self._looking = threading.Thread(target=self._look_on, name="top-looks", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._looking.start()

    def close(self) -> None:
        """Look no more; what is being done is not waited for."""
        self._stop.set()
        self._wake.set()
        self._looking.join(ANSWER_S)

    def show_log(self, name: str) -> None:
        """Read the log of a workload at every look, from now on; empty: of none."""
        if name != self._log_of:
            self._log_of = name
            self._wake.set()

    def do(self, what: Do) -> None:
        """Have something done; how it went comes as a message."""
        threading.Thread(target=self._do, args=(what,), name="top-does", daemon=True).start()

    def _look_on(self) -> None:
        from bus.errors import BusError

        last = Look()
        while not self._stop.is_set():
            try:
                with self._place.client() as client:
                    while not self._stop.is_set():
                        last = Look(status=client.status(timeout_s=ANSWER_S), at_s=time.monotonic())
                        self._hear("look", last)
                        self._read_log(client)
                        self._wake.wait(self._every_s)
                        self._wake.clear()
            except (BusError, Failed) as error:
                told = error.message if isinstance(error, Failed) else str(error)
                self._hear("look", Look(status=last.status, at_s=last.at_s, trouble=told))
                self._stop.wait(self._every_s)

    def _read_log(self, client: Any) -> None:
        from bus.errors import CommandError

        name = self._log_of
        if not name:
            return
        try:
            part = client.read_log(name=name, lines=LOG_LINES, timeout_s=ANSWER_S)
        except CommandError as error:
            self._hear("log", (name, (str(error),)))
            return
        self._hear("log", (name, tuple(line.text for line in part.lines)))

    def _do(self, what: Do) -> None:
        from bus.errors import BusError
        from bus.messages import ApproveRemedy, RejectRemedy, RestartProcess, StartProcess, StopProcess

        commands: dict[Verb, Callable[[], Command]] = {
            "restart": lambda: RestartProcess(name=what.name, why=WHY),
            "start": lambda: StartProcess(name=what.name, why=WHY),
            "stop": lambda: StopProcess(name=what.name, why=WHY),
            "approve": lambda: ApproveRemedy(issue=what.name, note=WHY),
            "reject": lambda: RejectRemedy(issue=what.name, note=WHY),
        }
        try:
            done = self._place.ask(commands[what.verb](), DONE_S)
        except (BusError, Failed) as error:
            self._hear("message", f"{what.name}: {error.message if isinstance(error, Failed) else error}")
            return
        self._hear("message", f"{what.name}: {done.detail or what.verb + ' was done'}")
        self._wake.set()
