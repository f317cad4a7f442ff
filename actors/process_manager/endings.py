"""Ends processes and their groups step by step, as stop.py says. The table of processes and the signals are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from actors.clock import Alarm
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.processes import Processes, group_alive
from actors.process_manager.signals import group_known, signal_group
from actors.process_manager.stop import Ask, Ending, Kill, Look, Over, next_step

Down = Callable[[Life, Ending], None]


class Endings:
    """The stops under way. down(life, ending) is called when a main process and all of its group are gone."""

    def __init__(self, means: Means, table: Processes, first_look_s: float, down: Down) -> None:
        self._means = means
        self._table = table
        self._first_look_s = first_look_s
        self._down = down
        self._alarms: dict[str, Alarm] = {}

    def begin(self, life: Life, why: str) -> None:
        """Ask a workload that is up to end."""
        if life.pid is None:
            raise ValueError(f"{life.name} has no process to end")
        stop = life.workload.spec.stop
        life.ending = Ending(
            group=life.pid, signal=stop.signal, grace_s=stop.grace, began_s=self._means.clock(), why=why
        )
        self._step(life, life.ending, members_left=True)

    def look(self, life: Life, ending: Ending) -> None:
        """See how far it is: its main process ended, or time has passed."""
        if life.ending is not ending:
            return
        if life.pid is not None:
            self._step(life, ending, members_left=True)
        elif not group_known(ending.group):
            self._step(life, ending, members_left=False)
        else:
            self._means.run(partial(group_alive, self._table, ending.group), partial(self._looked, life, ending))

    def _looked(self, life: Life, ending: Ending, result: bool | Exception) -> None:  # noqa: FBT001 - what run gives
        if isinstance(result, Exception):
            raise result
        if life.ending is ending:
            self._step(life, ending, members_left=result)

    def _step(self, life: Life, ending: Ending, *, members_left: bool) -> None:
        while True:
            now_s = self._means.clock()
            main_alive = life.pid is not None
            step = next_step(
                ending, main_alive=main_alive, group_alive=members_left, first_look_s=self._first_look_s, now_s=now_s
            )
            match step:
                case Ask():
                    ending.asked = True
                    ending.asked_members = not main_alive
                    signal_group(ending.group, ending.signal)
                case Kill():
                    ending.killed_s = now_s
                    signal_group(ending.group, "KILL")
                case Look(after_s):
                    ending.looks += not main_alive
                    self._forget_alarm(life)
                    self._alarms[life.name] = self._means.after(after_s, self.look, life, ending)
                    return
                case Over():
                    self._forget_alarm(life)
                    life.ending = None
                    self._down(life, ending)
                    return

    def _forget_alarm(self, life: Life) -> None:
        alarm = self._alarms.pop(life.name, None)
        if alarm is not None:
            alarm.cancel()
