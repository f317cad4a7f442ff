"""`--watch`: a command again and again, on a terminal in the same place."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import click

from actors.cli.exits import OK, Interrupted, NotRunning, complain

HOME: Final = "\x1b[H\x1b[2J\x1b[3J"
"""What clears a terminal."""


def again(command: Callable[[], Any], every_s: float) -> int:
    """Run it until Ctrl-C, which is the way to end it; a node that is away is waited for.

    every_s: seconds between the end of one round and the next. Raises: what the command raises, but for errors of
    the node, which the next round may not have.
    """
    from bus.errors import BusError

    pause = threading.Event()
    clears = sys.stdout.isatty()
    try:
        while True:
            if clears:
                sys.stdout.write(HOME)
            try:
                command()
            except (BusError, NotRunning) as error:
                complain(error.message if isinstance(error, click.ClickException) else str(error))
            pause.wait(every_s)
    except (KeyboardInterrupt, Interrupted):
        return OK
