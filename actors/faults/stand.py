"""Where one fault is played: a directory with programs and config, a node over it, and means to hurt and to look.

Touches files, processes and sockets.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from shutil import copy
from string import Template
from typing import Any, Final, Self

import psutil

from actors.demo.scene import UP, Scene
from actors.demo.stage import Stage, free_ports
from actors.faults.fault import Done, Fault, NotWell
from bus.messages import ProcessRow

PROGRAMS: Final = Path(__file__).parent / "programs"
LOOK_TIMEOUT_S: Final = 0.6
CALM_S: Final = 20.0
"""Seconds for a node to answer and for its programs to do their work, before anything is done to them."""

UNWELL: Final = (NotWell, OSError, HTTPException, ValueError, KeyError, psutil.Error)
"""What a look raises when a program does not do its work, or is just being replaced."""
WELL_S: Final = 1.6
"""Seconds after which a node has taken note that a workload is well; longer than its `well_after`."""
KILLED_S: Final = 5.0

NODE: Final = """\
node: {name: faults}
workloads:
  bystander:                             # does nothing, and nothing is to be done to it
    command: [sleep, "100000"]
"""


class Stand:
    """One fault's place. Use as a context: leaving it ends the node and every process that the fault needed."""

    def __init__(self, fault: Fault, directory: Path) -> None:
        self.fault = fault
        self.directory = directory
        self.disk = directory / fault.disk
        """Where the small disk is seen from here."""
        self.notes: dict[str, Any] = {}
        """What an injection leaves for the look."""
        self.since_s = 0.0
        """Unix seconds; work that was done earlier does not count."""
        directory.chmod(0o755)  # a program may run on another account
        for program in PROGRAMS.glob("[!_]*.*"):
            copy(program, directory)
        ports = dict(zip(fault.ports, free_ports(len(fault.ports)), strict=True))
        self.stage = Stage(directory, ports)
        self.scene = Scene(self.stage)
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._timers: list[threading.Timer] = []

    def prepare(self) -> None:
        """Write what the programs need, and the config."""
        self.fault.prepare(self)
        self.write_config()

    def write_config(self, change: Mapping[str, str] | None = None) -> None:
        """Write the node's config. change: text -> what stands in its place, to be read by a reload."""
        text = self.fault.workloads
        for old, new in (change or {}).items():
            text = text.replace(old, new)
        filled = Template(text).substitute(
            python=json.dumps(sys.executable), **{name: str(port) for name, port in self.stage.ports.items()}
        )
        indented = "".join(f"  {line}\n" if line else "\n" for line in filled.strip("\n").splitlines())
        self.stage.config.write_text(NODE + indented + self.fault.sections, encoding="utf-8")

    def start(self) -> None:
        """Start the node; wait until everything is up and does its work, unless the fault is there from the start.

        Raises: DemoFailed.
        """
        if self.fault.disk:
            self.disk.mkdir()
            self.scene.within = private_disk(self.disk)
        if self.fault.before:
            self.scene.start(bool)
            return
        self.scene.start(lambda rows: all(row.state in UP or not row.wanted for row in rows))
        if self.fault.disk:
            self.disk = Path(f"/proc/{self.scene.node_pid}/root{self.disk}")
        self.scene.until(self._works, CALM_S, "the programs do their work before the fault")
        self.scene.until(self._seen_well, CALM_S, "the node sees everything well before the fault")

    def close(self) -> list[str]:
        """End everything; what had to be done beyond the node's own stop."""
        for timer in self._timers:
            timer.cancel()
        rough = self.scene.close()
        for helper in self._helpers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(helper.pid, signal.SIGKILL)
            helper.wait()
        return rough + [f"{name} (pid {pid}) was left and was killed" for pid, name in self._end_left_over()]

    def _end_left_over(self) -> Iterator[tuple[int, str]]:
        """Kill what still runs in this directory, which is nobody else's."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(self.directory):
                    yield process.pid, process.name()
                    process.kill()
                    process.wait(KILLED_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def began_anew(self) -> None:
        """What was done up to now does not count as work any more."""
        self.since_s = time.time()

    # -- to hurt

    def done(self, text: str, *, cause_s: float = 0.0) -> Done:
        """What was just done. The moment is a little late: what an injection takes is not counted."""
        return Done(time.monotonic(), text, cause_s)

    def signal(self, workload: str, number: signal.Signals) -> Done:
        """Send a signal to the process of a workload."""
        pid = self.scene.pid(workload)
        done = self.done(f"{number.name} to {workload} (pid {pid})")
        os.kill(pid, number)
        return done

    def kill(self, workload: str, text: str = "") -> Done:
        """SIGKILL, after something else was done: text."""
        done = self.signal(workload, signal.SIGKILL)
        return Done(done.at_s, f"{text}, then {done.text}" if text else done.text)

    def post(self, port: str, path: str) -> Done:
        """Ask a program itself for the fault, as its users could."""
        done = self.done(f"POST {path}")
        with contextlib.suppress(OSError, HTTPException):
            self.scene.http("POST", self.stage.url(port, path), LOOK_TIMEOUT_S)
        return done

    def helper(self, *argv: str) -> subprocess.Popen[bytes]:
        """A program that is none of the node's; it ends with the stand."""
        process = subprocess.Popen(
            argv, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self._helpers.append(process)
        return process

    def later(self, after_s: float, what: Callable[[], object]) -> None:
        """Do something after some seconds."""
        timer = threading.Timer(after_s, what)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    # -- to look

    def get(self, port: str, path: str = "/work", timeout_s: float = LOOK_TIMEOUT_S) -> str:
        """The body of a good answer. Raises: OSError, NotWell."""
        try:
            return self.scene.http("GET", self.stage.url(port, path), timeout_s).decode(errors="replace")
        except urllib.error.HTTPError as error:
            error.close()
            raise NotWell(f"{path}: {error.code}") from None
        except HTTPException as error:
            raise NotWell(f"{path}: {type(error).__name__}") from None

    def fresh(self, name: str, within_s: float) -> str:
        """The text of a file that was written lately. Raises: OSError, NotWell."""
        written_s = (self.directory / name).stat().st_mtime
        age_s = time.time() - written_s
        if age_s > within_s or written_s < self.since_s:
            raise NotWell(f"{name} was written {age_s:.1f} s ago")
        return f"{name} is fresh"

    def row(self, workload: str) -> ProcessRow:
        """A workload as the node sees it."""
        return next(row for row in self.scene.rows() if row.name == workload)

    def pid(self, workload: str) -> int:
        """The process of a workload. Raises: NotWell when it is not up."""
        row = self.row(workload)
        if row.pid is None or row.state not in UP:
            raise NotWell(f"{workload} is {row.state}")
        return row.pid

    def write(self, name: str, content: object) -> Path:
        """Write a file beneath the directory; what is no text as JSON."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def _works(self) -> bool:
        try:
            self.fault.look(self)
        except UNWELL:
            return False
        return True

    def _seen_well(self) -> bool:
        """Whether it was up for so long, with no open issue, that the node may have taken note of it."""
        rows = self.scene.rows()
        return self.scene.calm() and all(row.since_s > WELL_S for row in rows)


def private_disk(where: Path, size: str = "4m") -> list[str]:
    """What a node is started through to have a small disk of its own, which goes when it ends."""
    flags = "-m" if os.geteuid() == 0 else "-rm"
    mount = f'mount -t tmpfs -o size={size} gyrostat-faults "$0" && exec "$@"'
    return ["unshare", flags, "--propagation", "private", "sh", "-c", mount, str(where)]


def may_mount() -> bool:
    """Whether a small disk of one's own is permitted here."""
    try:
        return subprocess.run([*private_disk(Path("/mnt")), "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
