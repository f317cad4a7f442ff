"""Repairs that start a workload with other values than its config says: what they have in common."""

from __future__ import annotations

from collections.abc import Mapping

from actors.healer.remedies import UP, Planned
from actors.healer.repair import Acted, Scene
from bus.messages.mending import OverrideProcess

AS_CONFIGURED = ""
"""In an undo: the key had no value but that of the config."""


def override(scene: Scene, says: str, values: Mapping[str, str]) -> Planned:
    """Plan these values, by their keys as OverrideProcess has them."""
    former = {key: scene.row.overrides.get(key, AS_CONFIGURED) for key in values}
    return Planned(says=says, undo=former, detail=dict(values), restarts=True)


class Overriding:
    """What follows from a plan made by override()."""

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """The ProcessManager starts it so from now on."""
        command = OverrideProcess(name=scene.workload.name, values=planned.detail, why=planned.says)
        return Acted(says=planned.says, command=command, then="restart")

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """The former values, or those of the config."""
        values = {key: value for key, value in undo.items() if value != AS_CONFIGURED}
        drop = [key for key in undo if key not in values]
        says = f"took back {', '.join(undo)}"
        command = OverrideProcess(name=scene.workload.name, values=values, drop=drop, why=says)
        return Acted(says=says, command=command, then="restart" if scene.row.state in UP else "nothing")

    def timeout_s(self, workload: object) -> float:
        """A command only."""
        return 5.0
