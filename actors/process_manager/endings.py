"""Ends processes and their trees step by step, as stop.py says. The table of processes and the signals are given.

The processes of all stops under way are looked for together: one look through the process table serves every one of
them that waited for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from actors.clock import Alarm
from actors.process_manager.cgroups import Groups
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.processes import Stat
from actors.process_manager.signals import signal_group
from actors.process_manager.stop import Ask, Ending, Kill, Look, Over, next_step, take
from actors.process_manager.strays import Search
from actors.process_manager.trees import Tree, kill_groups, members, signal_member

Looked = Callable[[Sequence[tuple[Life, Ending]]], None]

REACH_AFTER_S: Final = 0.1
"""Seconds after a signal until it is sent to what has left the group, if the main process is there still."""


class Endings:
    """The stops under way."""

    def __init__(
        self,
        means: Means,
        search: Search,
        first_look_s: float,
        looked: Looked,
        *,
        lives: Callable[[], Iterable[Life]],
        groups: Groups,
    ) -> None:
        """looked() is called after each look through the process table, with those that are gone, tree and all.

        lives: gives those of the keeper. groups: the control groups of workloads.
        """
        self._means = means
        self._search = search
        self._first_look_s = first_look_s
        self._looked = looked
        self._over: list[tuple[Life, Ending]] = []
        self._alarms: dict[str, Alarm] = {}
        self._sought: dict[str, tuple[Life, Ending]] = {}
        self._looking = False
        self._lives = lives
        self._groups = groups

    def begin(self, life: Life, why: str) -> None:
        """Ask a workload that is up to end."""
        if life.pid is None:
            raise ValueError(f"{life.name} has no process to end")
        sequence = [(name, float(wait)) for name, wait in life.workload.spec.stop.sequence]
        life.ending = Ending(group=life.pid, sequence=sequence, began_s=self._means.clock(), why=why)
        self._step(life, life.ending, None)

    def look(self, life: Life, ending: Ending) -> None:
        """See how far it is: its main process ended, or time has passed."""
        if life.ending is not ending:
            return
        if life.pid is not None:
            self._step(life, ending, None)
        else:
            self._seek(life, ending)

    def extend(self, life: Life, seconds: float) -> None:
        """The workload asks for so much time from now on before the next signal."""
        ending = life.ending
        if ending is not None and ending.killed_s is None:
            ending.until_s = self._means.clock() + seconds
            self.look(life, ending)

    # -- looking for the tree

    def _seek(self, life: Life, ending: Ending) -> None:
        self._sought[life.name] = (life, ending)
        if not self._looking:
            self._looking = True
            self._means.post(self._look_now)  # with all whose ends are heard of by then

    def _look_now(self) -> None:
        sought, self._sought = self._sought, {}
        self._groups.note_missing(sought)
        trees = [
            Tree(name=name, group=None if ending.group_gone else ending.group, cgroups=self._cgroups(name))
            for name, (_, ending) in sought.items()
        ]
        alive = {life.pid for life in self._lives() if life.pid is not None and life.name not in sought}
        self._means.run(partial(members, trees, alive, self._search), partial(self._found, sought))

    def _cgroups(self, name: str) -> list[str]:
        return self._groups.directories(name)

    def _found(self, sought: Mapping[str, tuple[Life, Ending]], result: dict[str, list[Stat]] | Exception) -> None:
        self._looking = False
        if isinstance(result, Exception):
            raise result
        for name, (life, ending) in sought.items():
            if life.ending is not ending:
                continue
            if life.pid is None:
                ending.group_gone = ending.group_gone or all(one.group != ending.group for one in result[name])
                self._reach(ending, result[name])
                self._step(life, ending, result[name])
            else:
                self._reach(ending, [one for one in result[name] if one.group != ending.group])
        over, self._over = self._over, []
        self._looked(over)
        if self._sought and not self._looking:
            self._looking = True
            self._look_now()

    def _reach(self, ending: Ending, found: list[Stat]) -> None:
        """Signal each process by itself that has not had the present signal yet; after KILL, whatever is there."""
        step = len(ending.sequence) + 1 if ending.killed_s is not None else ending.step
        for one in found:
            mark = (one.pid, one.ticks, step)
            if step and mark not in ending.reached:
                ending.reached.add(mark)
                signal_member(one, ending.signal, self._search.table)

    def _strayed(self, life: Life, ending: Ending, step: int) -> None:
        """The main process takes its time: reach what has left its group meanwhile."""
        if life.ending is ending and life.pid is not None and ending.step == step:
            self._seek(life, ending)

    # -- going on

    def _step(self, life: Life, ending: Ending, found: list[Stat] | None) -> None:
        """found: what is left of its tree; None while its main process is there."""
        while True:
            now_s = self._means.clock()
            step = next_step(
                ending,
                main_alive=found is None,
                tree_alive=found is None or bool(found),
                first_look_s=self._first_look_s,
                now_s=now_s,
            )
            match step:
                case Ask() | Kill():
                    take(ending, step, now_s)
                    if isinstance(step, Kill):
                        kill_groups(self._cgroups(life.name))
                    if found is None:
                        signal_group(ending.group, ending.signal)
                        self._means.after(REACH_AFTER_S, self._strayed, life, ending, ending.step)
                    else:
                        self._reach(ending, found)
                case Look(after_s):
                    ending.looks += found is not None
                    self._forget_alarm(life)
                    self._alarms[life.name] = self._means.after(after_s, self.look, life, ending)
                    return
                case Over():
                    self._forget_alarm(life)
                    life.ending = None
                    self._groups.remove(life.name)
                    self._over.append((life, ending))
                    return

    def _forget_alarm(self, life: Life) -> None:
        alarm = self._alarms.pop(life.name, None)
        if alarm is not None:
            alarm.cancel()
