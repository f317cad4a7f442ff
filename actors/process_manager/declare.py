"""Brings the lives in line with the workloads that are declared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from actors.process_manager.life import Launch, Life
from actors.settings import Workload, revision


def declare(
    former: Mapping[str, Life],
    workloads: Mapping[str, Workload],
    names: Collection[str],
    launch: Callable[[Workload], Launch],
    now_s: float,
) -> tuple[dict[str, Life], list[Workload]]:
    """Give the lives in config order, those no longer declared last, and the workloads that are new or changed.

    Takes over new settings in place; starts and stops nothing. names: those of the config, also of what
    has no instance. launch: prepares the spawns of a workload.
    """
    lives: dict[str, Life] = {}
    changed: list[Workload] = []
    for name, workload in workloads.items():
        life = former.get(name)
        if life is None:
            life = Life(name=name, workload=workload, launch=launch(workload), since_s=now_s)
            life.wanted = workload.spec.autostart
            changed.append(workload)
        elif life.refused and life.declared and revision(workload.spec) == life.refused:
            pass  # it was put back, and the config has not changed since
        elif life.workload != workload or not life.declared:
            comes_back = not life.declared and workload.spec.autostart and not life.held
            life.wanted = life.wanted or comes_back
            life.workload, life.launch, life.declared, life.scaled_away = workload, launch(workload), True, False
            life.refused = ""
            changed.append(workload)
        lives[name] = life
    for name, life in former.items():
        if name not in lives:
            life.declared, life.wanted = False, False
            life.scaled_away = life.workload.config_name in names
            lives[name] = life
    return lives, changed
