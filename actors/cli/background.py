"""Starts a node in the background, and ends one. Touches processes and `<state_dir>/node.out`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.cli.ended import lives, wait_ended
from actors.cli.exits import FAILED, OK, Failed, NotRunning, complain, count
from actors.cli.paint import put, span
from actors.cli.place import SOURCE, Place

if TYPE_CHECKING:
    from bus.endpoints import Endpoints

OUT_NAME: Final = "node.out"
"""What a background node says outside its logs: why it could not start, and what broke it beyond words."""
START_S: Final = 30.0
"""Seconds a node may take until it answers."""
STOP_S: Final = 120.0
"""Seconds a node may take until it has ended, its workloads with it."""
LOOK_S: Final = 0.02

LEFT_OUT: Final = ("GYROSTAT_TOKEN", "GYROSTAT_WORKLOAD", "GYROSTAT_INSTANCE", "GYROSTAT_INCARNATION")
"""Marks of a workload: a node that is started from within one must not be taken for its left-over child."""


def command_line(place: Place, overrides: dict[str, str]) -> list[str]:
    """What runs a quiet node with our interpreter. -P: modules of the current directory are not taken for ours."""
    pairs = [f"--set={key}={value}" for key, value in overrides.items()]
    return [sys.executable, "-P", "-m", "actors.cli", "up", "--quiet", "-c", str(place.config.absolute()), *pairs]


def guarded(place: Place, argv: list[str]) -> list[str]:
    """The same beneath a guard, where there can be one. -I -S: it needs nothing but the standard library."""
    if sys.platform != "linux":
        return argv
    guard = Path(__file__).with_name("guard.py")
    return [sys.executable, "-I", "-S", str(guard), str(place.state_dir), *argv]


def start_node(place: Place, overrides: dict[str, str] | None = None) -> int:
    """Start the node in the background and wait until it answers; the exit code. One that runs is left alone."""
    running = running_node(place)
    if running is not None and running.node != place.name:
        raise Failed(
            f"node {running.node} (pid {running.pid}) runs on {place.state_dir}, and {place.config} is of node"
            f" {place.name}: stop it, or give this one another node.state_dir"
        )
    if running is not None:
        put(f"node {running.node} runs already (pid {running.pid})")
        return OK
    out = _out_file(place)
    before = out.stat().st_size if out.exists() else 0
    began_s = time.monotonic()
    child = _spawn(guarded(place, command_line(place, overrides or {})), out)
    while time.monotonic() - began_s < START_S:
        found = running_node(place)
        if found is not None and answers(place):
            took = span(time.monotonic() - began_s)
            put(f"node {found.node} runs in the background (pid {found.pid}), answered after {took}")
            return OK
        if _ended(child):
            return _relay(out, before, child.returncode)
    complain(
        f"the node (started by pid {child.pid}) did not answer within {span(START_S)}; it goes on trying; see {out}"
    )
    return FAILED


def stop_node(place: Place, *, keep_workloads: bool, why: str) -> int:
    """End the node and wait for its end; the exit code. Raises: NotRunning."""
    from bus.messages import ListProcesses, StopNode

    with place.client() as client:
        endpoints = client.endpoints
        table, outcome = client.gather([ListProcesses(), StopNode(keep_workloads=keep_workloads, why=why)], 10.0)
        if isinstance(outcome, Exception):
            raise outcome
    pids = {row.name: row.pid for row in getattr(table, "processes", []) if row.pid}
    many = count(len(pids), "workload")
    fate = f"leaves {many} running, to be adopted" if keep_workloads else f"stops {many}, dependants first"
    put(f"node {endpoints.node} (pid {endpoints.pid}) {fate} and ends")
    out = place.state_dir / OUT_NAME
    before = out.stat().st_size if out.exists() else 0
    began_s = time.monotonic()
    if not wait_ended(endpoints.pid, STOP_S):
        complain(f"node {endpoints.node} (pid {endpoints.pid}) still runs after {span(STOP_S)}")
        return FAILED
    if said := _said_since(out, before):
        sys.stderr.write(f"{said}\n")
        return FAILED
    alive = {name: pid for name, pid in pids.items() if lives(pid)}
    if alive and not keep_workloads:
        complain(f"ended, but still running: {', '.join(f'{name} (pid {pid})' for name, pid in alive.items())}")
        return FAILED
    put(f"stopped in {span(time.monotonic() - began_s)}" + (f"; {len(alive)} still running" if keep_workloads else ""))
    return OK


def running_node(place: Place) -> Endpoints | None:
    """Where the node answers, or None when none runs."""
    try:
        found = place.endpoints()
    except NotRunning:
        return None
    return found if lives(found.pid) else None  # it may be killed, and its parent not have taken note of it


def answers(place: Place) -> bool:
    """Whether the node takes commands."""
    from bus.client import connect
    from bus.errors import BusError
    from bus.messages import GetNode

    try:
        with connect(place.endpoints(), source=SOURCE) as client:
            client.ask(GetNode(), 5.0)
    except (BusError, NotRunning):
        return False
    return True


def _out_file(place: Place) -> Path:
    """Where the node's output goes. Raises: Failed when it cannot be written."""
    out = place.state_dir / OUT_NAME
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.open("ab").close()
    except OSError as error:
        line = f"cannot write in {place.state_dir}: {error.strerror}; set node.state_dir to a directory you may write"
        raise Failed(line) from None
    return out


def _spawn(argv: list[str], out: Path) -> subprocess.Popen[bytes]:
    """The node in a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it."""
    environ = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    with out.open("ab") as file:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environ, start_new_session=True
        )


def _ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _relay(out: Path, before: int, code: int) -> int:
    """Say what the node said before it ended, and end as it did."""
    said = _said_since(out, before)
    sys.stderr.write(f"{said}\n" if said else f"gyrostat: the node ended at once with code {code}; see {out}\n")
    return code if code > 0 else FAILED


def _said_since(out: Path, before: int) -> str:
    """What the node said outside its logs. before: the size of the file then."""
    with contextlib.suppress(OSError), out.open("rb") as file:
        file.seek(before)
        return file.read(65_536).decode("utf-8", "replace").strip()
    return ""
