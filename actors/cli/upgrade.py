"""`gyrostat upgrade`: the node begins anew with the program that is installed by now; its workloads go on."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from actors.cli.exits import FAILED, OK, complain, count, refusal
from actors.cli.options import command, yes_option
from actors.cli.paint import put, span
from actors.cli.place import SOURCE, Place

if TYPE_CHECKING:
    from bus.endpoints import Endpoints
    from bus.messages import ProcessRow

RETURN_S: Final = 30.0
"""Seconds within which the node has to answer again."""


@command("upgrade", "upgrade -c prod.yaml         after pip install --upgrade, or git pull in a checkout")
@yes_option
def upgrade(place: Place) -> int:
    """Let the node begin anew with the program that is installed by now; its workloads go on.

    First the new program reads the config: when it finds a fault, nothing is ended. If the config was changed, what
    that will do is shown, and asked as `reload` asks. Then the node ends, its successor adopts the workloads, and it is
    checked that each has the process it had before, but for those that the changed config restarts or stops.
    """
    from actors.node import load_node
    from actors.settings import ConfigError

    place.check_here()
    try:
        load_node(place.config, os.environ)
    except ConfigError as error:
        raise refusal(error) from None
    from actors.cli.reload import plan_next

    return begin_anew(place, "upgrade asked on the command line", plan_next(place))


def begin_anew(place: Place, why: str, changing: Collection[str]) -> int:
    """Put another node in the place of the one that runs, and compare; the exit code. Raises: NotRunning.

    changing: workloads that are restarted or stopped right after, as the config was changed.
    """
    from actors.cli.background import running_node, start_node
    from bus.messages import GetNode, ListProcesses

    with place.client() as client:
        endpoints = client.endpoints
        info, table = client.ask(GetNode(), 10.0), client.ask(ListProcesses(), 10.0)
    began_s = time.monotonic()
    if leave(place, endpoints, why):
        found = _returned(place, endpoints, began_s)
    else:
        found = running_node(place) if start_node(place) == OK else None
    if found is None:
        complain(f"the node did not answer again within {span(RETURN_S)}; its workloads go on; see gyrostat logs")
        return FAILED
    return _compare(place, info, [row for row in table.processes if row.pid], changing, began_s)


def leave(place: Place, endpoints: Endpoints, why: str) -> bool:
    """End the node beneath its workloads; whether its guard starts the next one. Raises: NotRunning; CommandError."""
    from actors.cli.ended import wait_ended
    from bus.client import connect
    from bus.messages import StopNode

    guard = guard_of(place, endpoints.pid)
    if guard is not None:
        os.kill(guard, signal.SIGUSR2)
    with connect(endpoints, source=SOURCE) as client:
        client.ask(StopNode(keep_workloads=True, why=why), 10.0)
    wait_ended(endpoints.pid, RETURN_S)
    return guard is not None


def guard_of(place: Place, pid: int) -> int | None:
    """The guard of a node, or None. It is the parent, and runs our guard.py for this state directory."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - no path is built
            parent = int(stat.read().rpartition(b")")[2].split()[1])
        with open(f"/proc/{parent}/cmdline", "rb") as line:  # noqa: PTH123
            words = line.read().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    ours = any(word.endswith(b"/cli/guard.py") for word in words) and os.fsencode(place.state_dir) in words
    return parent if ours and sys.platform == "linux" else None


def in_service(place: Place, pid: int) -> bool:
    """Whether a service manager runs the node, by its guard."""
    guard = guard_of(place, pid)
    try:
        with open(f"/proc/{guard}/environ", "rb") as environ:  # noqa: PTH123
            return any(pair.startswith(b"NOTIFY_SOCKET=") for pair in environ.read().split(b"\0"))
    except OSError:
        return False


def _returned(place: Place, before: Endpoints, began_s: float) -> Endpoints | None:
    from actors.cli.background import LOOK_S, answers, running_node

    pause = threading.Event()
    while time.monotonic() - began_s < RETURN_S:
        found = running_node(place)
        if found is not None and found.pid != before.pid and answers(place):
            return found
        pause.wait(LOOK_S)
    return None


def _compare(place: Place, info: Any, ran: Sequence[ProcessRow], changing: Collection[str], began_s: float) -> int:
    """Say what became of every process that ran; the exit code."""
    from bus.messages import GetNode, ListProcesses

    with place.client() as client:
        now: Any = client.ask(GetNode(), 10.0)
        after: Any = client.ask(ListProcesses(), 10.0)
    before = {row.name: row.pid for row in ran if row.name not in changing}
    pids = {row.name: row.pid for row in after.processes}
    others = [name for name, pid in before.items() if pids.get(name) != pid]
    due = [row.name for row in ran if row.name in changing]
    put(
        f"node {now.node}: {info.release} (pid {info.pid}) -> {now.release} (pid {now.pid}) in "
        f"{span(time.monotonic() - began_s)}; {count(len(before) - len(others), 'workload')} untouched"
        + (f"; restarted or stopped next, as the config was changed: {', '.join(due)}" if due else "")
    )
    for name in others:
        complain(f"{name} had pid {before[name]}, and has {pids.get(name) or 'none'} now; see gyrostat logs")
    return OK
