"""Waits until the address accepts connections that a workload could not connect to, then starts it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import Final

from actors.healer.addresses import Address, addresses_in, is_own, others_of
from actors.healer.issues import LIFE
from actors.healer.remedies import NotNow, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.settings import Workload

WAIT_S: Final = 300.0
"""Seconds since the issue's first symptom for which an address is waited for."""
GUESS_S: Final = 60.0
"""The same, when the failure names none, so that it is one that the workload's config names."""
_LOOK_S: Final = 0.2
_LOOK_MAX_S: Final = 5.0
_SHARE: Final = 0.05
"""Part of the time already waited that passes until the next look."""
_RECOVERS_S: Final = 1.5
"""Seconds that a workload that runs is given to connect by itself."""
_ASK_S: Final = 0.3
_ASKED_MAX: Final = 3
_REMEMBERED_MAX: Final = 1000
_CONFIGS: Final = frozenset((".json", ".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".env", ".properties"))
_OWN_CONFIG: Final = "gyrostat.yaml"
_FILES_MAX: Final = 50
_FILE_BYTES_MAX: Final = 64 * 1024


class WaitPort:
    """Applies when a connection failed. A workload that runs is begun anew only if it does not connect by itself."""

    name = "wait_port"

    def __init__(self) -> None:
        self._closed_s: dict[str, float] = {}

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Whether the address accepts connections again; NotNow until it does."""
        found = [each for each in addresses_in(scene.text) if not is_own(each, scene.workload)]
        named = found or (guessed(scene.workload) if scene.issue.kind in LIFE else [])
        if not named:
            return Unfit("the failure names no address")
        closed = [each for each in named[:_ASKED_MAX] if not accepts(each)]
        issue, waited_s = scene.issue.issue, max(0.0, scene.wall_s - scene.issue.first_seen)
        longest_s = WAIT_S if found else GUESS_S
        if closed and waited_s < longest_s:
            self._remember(issue, scene.wall_s)
            for_s = min(_LOOK_MAX_S, max(_LOOK_S, waited_s * _SHARE))
            return NotNow(f"{said(closed[0])} accepts no connections", for_s=for_s)
        if closed:
            return Unfit(f"{said(closed[0])} accepted no connections for {longest_s:g} s")
        return self._open(scene, named[0])

    def _open(self, scene: Scene, address: Address) -> Planned | Obstacle:
        """What follows when it accepts connections."""
        if scene.issue.kind in LIFE:
            return Planned(says=f"start it, as {said(address)} accepts connections")
        closed_s = self._closed_s.get(scene.issue.issue)
        if closed_s is None:
            return Unfit(f"{said(address)} accepts connections")
        if scene.wall_s - closed_s < _RECOVERS_S:
            return NotNow(f"{said(address)} accepts connections again", quiet=True, for_s=_LOOK_S)
        return Planned(says=f"begin it anew, as {said(address)} accepts connections again", restarts=True)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Only what follows is needed."""
        return Acted(says=planned.says, then="restart" if planned.restarts else "start")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """There is nothing to put back."""
        return Acted(says="nothing to put back", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Nothing is done."""
        return 5.0

    def _remember(self, issue: str, wall_s: float) -> None:
        if len(self._closed_s) >= _REMEMBERED_MAX:
            self._closed_s.clear()
        self._closed_s[issue] = wall_s


def guessed(workload: Workload) -> list[Address]:
    """The addresses that its command, its variables and the configuration files in its directory name."""
    texts: list[str] = []
    with contextlib.suppress(OSError):
        files = [path for path in workload.cwd.iterdir() if path.suffix in _CONFIGS and not path.is_symlink()]
        for path in [*sorted(files)[:_FILES_MAX], *(workload.cwd / name for name in workload.spec.config_files)]:
            if path.is_file() and path.stat().st_size <= _FILE_BYTES_MAX and path.name != _OWN_CONFIG:
                texts += path.read_text(errors="replace").splitlines()
    return others_of(workload, texts)


def accepts(address: Address) -> bool:
    """Whether somebody accepts connections there, or, when no port is in question, the name is known."""
    host, port = address
    with contextlib.suppress(OSError, UnicodeError):
        if not port:
            return bool(socket.getaddrinfo(host, None))
        with socket.create_connection((host, port), timeout=_ASK_S):
            return True
    return False


def said(address: Address) -> str:
    """An address for people."""
    return f"{address[0]}:{address[1]}" if address[1] else address[0]
