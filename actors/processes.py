"""The processes of one node on one state directory: who has which actors, and how they find each other.

The first process holds `node.pid` and has the node's sockets; a further one has a directory of its own beneath the run
directory, named by its actors. Each holds a lock for every actor it runs, so that no actor runs twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from actors.clock import Alarm, Clock
from bus.addresses import LOCK_NAME
from bus.carrier import Carrier, Peer
from bus.endpoints import FILE_NAME, Endpoints, check_alive, read_endpoints, run_dir_for, write_endpoints
from bus.errors import BusError

LOCK_PATIENCE_S: Final = 0.2
"""Seconds a start waits for the lock of a node that was just killed."""
LOOK_S: Final = 0.5
"""Seconds between two looks for processes that came or ended."""


class StartError(Exception):
    """The node cannot start here; one line says why and what would help."""


class Place:
    """What a process holds while it runs: its actors, and node.pid when it is the first. close() lets go."""

    def __init__(self, state_dir: Path, actors: Sequence[str], *, part: bool) -> None:
        """Take it. part: these are some of the node's actors, which may join those of another process.

        Raises: StartError in one line, with nothing taken.
        """
        self.name = "+".join(sorted(actors))
        self._locks: list[TextIO] = []
        try:
            self.first = self._take_node(state_dir, part=part)
            directory = state_dir / "locks"
            directory.mkdir(exist_ok=True)
            for actor in actors:
                self._take_actor(directory / f"{actor}.lock", actor)
        except OSError as error:
            self.close()
            msg = f"cannot write in {state_dir}: {error.strerror}; set node.state_dir to a directory you may write"
            raise StartError(msg) from error
        except StartError:
            self.close()
            raise

    def close(self) -> None:
        """Let go. May be called again."""
        locks, self._locks = self._locks, []
        for lock in locks:
            lock.close()

    def _take_node(self, state_dir: Path, *, part: bool) -> bool:
        try:
            self._locks.append(take_lock(state_dir))
        except StartError:
            if part and (state_dir / "node.pid").exists():
                return False
            raise
        return True

    def _take_actor(self, path: Path, actor: str) -> None:
        lock = path.open("a+", encoding="ascii")
        self._locks.append(lock)
        holder = _hold(lock)
        if holder:
            msg = f"actor {actor} of this node runs already in the process {holder}; each actor runs in one process"
            raise StartError(msg)


class Siblings:
    """Keeps the carrier connected to the node's other processes, found by their endpoints files."""

    def __init__(self, run_dir: Path, own: Endpoints, carrier: Carrier, clock: Clock) -> None:
        """run_dir: the node's, where the first process has its endpoints."""
        self._run_dir = run_dir
        self._own = own
        self._carrier = carrier
        self._clock = clock
        self._known: dict[str, Peer] = {}
        self._read: dict[str, tuple[tuple[int, int, int], Endpoints]] = {}
        self._alarm: Alarm | None = None
        self._closed = False

    def look(self) -> None:
        """Connect to those that are new, part from those that ended, and look again soon."""
        found = {peer.facts: peer for peer in self._find()}
        for facts, peer in self._known.items():
            if facts not in found:
                self._carrier.drop(peer.node, facts)
        for facts, peer in found.items():
            if facts not in self._known:
                self._carrier.connect(peer)
        self._known = found
        if not self._closed:
            self._alarm = self._clock.call_later(LOOK_S, self.look)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    def _find(self) -> list[Peer]:
        peers = []
        for there in self._endpoints():
            try:
                check_alive(there)
            except BusError:  # it ended
                continue
            if there.node == self._own.node and there.facts[:1] != self._own.facts[:1]:
                facts, commands, replay = (next(iter(one), "") for one in (there.facts, there.commands, there.replay))
                peers.append(Peer(node=there.node, facts=facts, commands=commands, replay=replay))
        return peers

    def _endpoints(self) -> list[Endpoints]:
        """Of all processes; a file that has not changed is not read again, as this looks twice a second."""
        read: dict[str, tuple[tuple[int, int, int], Endpoints]] = {}
        for folder in ("", *_folders(self._run_dir)):
            path = os.path.join(self._run_dir, folder, FILE_NAME)  # noqa: PTH118
            try:
                stat = os.stat(path)  # noqa: PTH116
                mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                known = self._read.get(path)
                read[path] = known if known and known[0] == mark else (mark, read_endpoints(Path(path)))
            except (OSError, BusError):  # it has none, or is just beginning
                continue
        self._read = read
        return [endpoints for _, endpoints in read.values()]


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []


def process_dir(run_dir: Path, place: Place) -> Path:
    """The directory for the sockets of this process, made when missing. Raises: BusError."""
    return run_dir if place.first else run_dir_for(run_dir / place.name)


def make_known(run_dir: Path, own_dir: Path, place: Place, endpoints: Endpoints) -> Callable[[], None]:
    """Write the endpoints of this process where clients and the other processes look; what takes them away again."""
    paths = [write_endpoints(own_dir, endpoints)]
    if not place.first and own_dir != run_dir / place.name:  # its sockets are elsewhere, as the path was too long
        (run_dir / place.name).mkdir(mode=0o700, exist_ok=True)
        paths.append(write_endpoints(run_dir / place.name, endpoints))

    def forget() -> None:
        for path in paths:
            with contextlib.suppress(BusError):
                if read_endpoints(path).epoch == endpoints.epoch:
                    path.unlink(missing_ok=True)
        if len(paths) > 1:
            with contextlib.suppress(OSError):
                paths[1].parent.rmdir()

    return forget


def leave(directory: Path, wanted: Path) -> None:
    """Remove a directory for sockets that stands in for the wanted one, when nobody else is in it.

    To be called while the Place is held: it is what keeps others out, once the lock in the directory is gone.
    """
    if directory != wanted.absolute():
        with contextlib.suppress(OSError):
            (directory / LOCK_NAME).unlink(missing_ok=True)
            directory.rmdir()


def take_lock(state_dir: Path) -> TextIO:
    """Make the state directory and be its first process; the file holds the pid. Raises StartError."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / "node.pid").open("a+", encoding="ascii")
    except OSError as error:
        msg = f"cannot write in {state_dir}: {error.strerror}; set node.state_dir to a directory you may write"
        raise StartError(msg) from error
    holder = _hold(lock)
    if holder:
        lock.close()
        msg = f"a node runs on {state_dir} already (pid {holder}); stop it, or give this one another node.state_dir"
        raise StartError(msg)
    return lock


def next_epoch(state_dir: Path, wall_s: float) -> int:
    """A number greater than at every former start of a process here: milliseconds of the wall clock, or one more."""
    path = state_dir / "epoch"
    with (state_dir / "epoch.lock").open("a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            last = int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            last = 0
        epoch = max(last + 1, int(wall_s * 1000))
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(f"{epoch}\n", encoding="ascii")
            fresh.replace(path)
        except OSError:  # the disk is full; the clock gives the next start a greater one, too
            fresh.unlink(missing_ok=True)
    return epoch


def _hold(lock: TextIO) -> str:
    """Lock a file and write our pid into it; the pid of who has it, or empty when it is ours now."""
    if not _locked_within(lock, LOCK_PATIENCE_S):
        lock.seek(0)
        return lock.read().strip() or "unknown"
    with contextlib.suppress(OSError):  # the disk is full: who holds it is not said, and it is held all the same
        lock.truncate(0)
        os.write(lock.fileno(), f"{os.getpid()}\n".encode())
    return ""


def _locked_within(lock: TextIO, patience_s: float) -> bool:
    """Take the lock; a child of a killed node that is between fork and exec holds it for a moment longer."""
    pause = threading.Event()
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until_s:
                return False
            pause.wait(0.01)
        else:
            return True
