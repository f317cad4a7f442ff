"""Restarts the workload that another depends on, when that one cannot reach it and nobody has noticed yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psutil

from actors.healer.addresses import addresses_in
from actors.healer.ports import probed_ports
from actors.healer.remedies import UP, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.healer.repairs.wait_port import accepts
from actors.settings import Workload
from bus.messages.process_manager import ProcessRow, RestartProcess

_SETTLED_S: Final = 3.0
"""Seconds for which a dependency has to be up, so that it is not one that only begins."""


class RestartDependency:
    """Applies when a dependency is up, and does not accept connections at the address that the failure names.

    Also when its process is stopped (SIGSTOP), so that it accepts them and never answers.
    """

    name = "restart_dependency"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Which dependency it would restart."""
        needed = scene.workload.spec.depends_on
        if not needed:
            return Unfit("it depends on no workload")
        ports = {port for _, port in addresses_in(scene.text)}
        for name in needed:
            row, dependency = scene.rows.get(name), scene.workloads.get(name)
            if row is None or dependency is None or not row.wanted or row.held:
                continue
            if why := _sick(row, dependency, ports):
                return Planned(says=f"restart {name}, which it depends on: {why}", detail={"name": name})
        return Unfit(f"{', '.join(needed)}: up, and in nobody's way")

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """The dependency first; the workload waits for it as its depends_on says."""
        command = RestartProcess(name=planned.detail["name"], why=f"{scene.workload.name} depends on it")
        return Acted(says=planned.says.replace("restart", "restarted", 1), command=command)

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """There is nothing to put back."""
        return Acted(says="nothing to put back", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """A command only."""
        return 5.0


def _sick(row: ProcessRow, dependency: Workload, ports: set[int]) -> str:
    """What is wrong with a dependency that counts as up, or empty."""
    if row.state not in UP or row.pid is None or row.since_s < _SETTLED_S:
        return ""
    try:
        if psutil.Process(row.pid).status() == psutil.STATUS_STOPPED:
            return f"its process {row.pid} is stopped"
    except psutil.Error:
        return ""
    own = [*([dependency.port] if dependency.port else []), *probed_ports(dependency)]
    deaf = [port for port in own if port in ports and not accepts(("127.0.0.1", port))]
    return f"it accepts no connections on port {deaf[0]}" if deaf else ""
