"""The running demo: a node as a process of its own, and the means to ask it and to look at its workloads."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Self

import psutil

from actors.demo.stage import Stage
from actors.demo.witness import Witness
from bus.client import connect
from bus.errors import BusError
from bus.message import Command
from bus.messages import ListIssues, ListProcesses, ProcessRow

START_S: Final = 15.0
"""Seconds for the node to answer, and for its workloads to be up."""
STOP_S: Final = 20.0
"""Seconds for the node to stop its workloads and end."""
LOOK_S: Final = 0.02
UP: Final = ("running", "ready")


class DemoFailed(Exception):
    """The demo cannot go on; one line says why."""


class Scene:
    """A node on a stage. Use as a context: leaving it ends the node and every process of its workloads."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.pids: set[int] = set()
        """Process ids that the node, or a workload asked by us, told us of."""
        self.within: list[str] = []
        """What the node is started through, as in `unshare -m`; it has to become the node's process."""
        self._node: subprocess.Popen[bytes] | None = None
        self._out: IO[bytes] | None = None
        self._witness: Witness | None = None
        self._pause = threading.Event()

    @property
    def witness(self) -> Witness:
        """Who hears the facts."""
        if self._witness is None:
            raise DemoFailed("the node does not run")
        return self._witness

    @property
    def node_pid(self) -> int:
        """The node's process. Raises: DemoFailed."""
        if self._node is None:
            raise DemoFailed("the node does not run")
        return self._node.pid

    def start(self, up: Callable[[list[ProcessRow]], bool] | None = None) -> float:
        """Start the node and wait until every workload is up; seconds from the start of the node's process.

        up: what is waited for instead.
        """
        up = up or (lambda rows: all(row.state in UP for row in rows))
        argv = [*self.within, sys.executable, "-P", "-m", "actors.cli", "up", "-c", str(self.stage.config)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
        self._out = (self.stage.directory / "up.out").open("wb")
        began_s = time.monotonic()
        self._node = subprocess.Popen(
            argv,
            cwd=self.stage.directory,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
            env=environ,
            start_new_session=True,
        )
        self.until(self._listens, START_S, "the node answers")
        self.until(lambda: up(self.rows()), START_S, "every workload is up")
        return time.monotonic() - began_s

    def ask(self, command: Command, timeout_s: float = 5.0) -> Any:
        """The typed reply of the node. Raises: DemoFailed when it does not answer."""
        try:
            with connect(self.stage.state_dir, source="demo") as client:
                return client.ask(command, timeout_s)
        except BusError as error:
            self._see_node()
            raise DemoFailed(f"the node does not answer: {error}") from None

    def rows(self) -> list[ProcessRow]:
        """The table of workloads, with left-over processes."""
        rows: list[ProcessRow] = self.ask(ListProcesses(strays=True)).processes
        self.pids.update(pid for row in rows for pid in (row.pid, *row.strays) if pid)
        return rows

    def pid(self, workload: str) -> int:
        """The main process of a workload that is up. Raises: DemoFailed."""
        pid = next((row.pid for row in self.rows() if row.name == workload and row.state in UP), None)
        if pid is None:
            raise DemoFailed(f"{workload} is not up")
        return pid

    def calm(self) -> bool:
        """Whether everything is up and no issue is open."""
        return all(row.state in UP or not row.wanted for row in self.rows()) and not self.ask(ListIssues()).issues

    def until(self, true: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait until something holds. Raises: DemoFailed after timeout_s seconds, or when the node ends."""
        end_s = time.monotonic() + timeout_s
        while not true():
            self._see_node()
            if time.monotonic() > end_s:
                raise DemoFailed(f"not within {timeout_s:g} s: {what}; see {self.stage.directory / 'up.out'}")
            self._pause.wait(LOOK_S)

    def http(self, method: str, url: str, timeout_s: float = 2.0) -> bytes:
        """The body of an answer. Raises: OSError."""
        request = urllib.request.Request(url, method=method)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            return bytes(answer.read())

    def close(self) -> list[str]:
        """End the node, then what is left of its workloads; what had to be done beyond the node's own stop."""
        rough: list[str] = []
        if self._node is not None and self._node.poll() is None:
            with contextlib.suppress(DemoFailed):
                self.rows()
            self._node.send_signal(signal.SIGTERM)
            try:
                self._node.wait(STOP_S)
            except subprocess.TimeoutExpired:
                rough.append(f"node (pid {self._node.pid}) did not end and was killed")
                self._node.kill()
                self._node.wait()
        if self._witness is not None:
            self.pids.update(one.event.data["pid"] for one in self._witness.since(0) if one.kind == "process.started")
            self._witness.close()
        rough += [f"{name} (pid {pid}) was left and was killed" for pid, name in self._end_left_over()]
        if self._out is not None:
            self._out.close()
        return rough

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listens(self) -> bool:
        try:
            self._witness = Witness(str(self.stage.state_dir))
        except BusError:
            return False
        return True

    def _see_node(self) -> None:
        """Raises: DemoFailed when the node has ended."""
        if self._node is not None and self._node.poll() is not None:
            said = (self.stage.directory / "up.out").read_text(encoding="utf-8", errors="replace").strip()
            last = said.splitlines()[-1] if said else "it said nothing"
            raise DemoFailed(f"the node ended with code {self._node.returncode}: {last}")

    def _end_left_over(self) -> Iterator[tuple[int, str]]:
        """Kill those known processes that still live and carry the mark of this demo's node and directory."""
        for pid in sorted(self.pids):
            try:
                process = psutil.Process(pid)
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                ours = "GYROSTAT_TOKEN" in process.environ() and process.cwd() == str(self.stage.directory.resolve())
                if ours:
                    process.kill()
                    yield pid, process.name()
            except psutil.Error:
                continue
