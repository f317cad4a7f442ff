"""Puts instances back to their former config when they never get ready with the new one. Pure: what is known is given.

An instance that is started with another config than the one it was ready with is on trial. When it fails, it and those
of its workload that run the former config keep to that one; those that got ready with the new one stay with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Launch, Life
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.means import Means
from actors.settings import Workload, revision
from bus.messages import ConfigSetBack

FAILED_STARTS = 2
"""Spawns that did not come about until an instance on trial has failed; one may be chance."""


class Memory(Protocol):
    """What is remembered over the end of the node: see store.Store."""

    def remember(self, workloads: list[Workload]) -> None:
        """Keep the settings with which these run."""


class Ran(Protocol):
    """The last incarnation of a workload: see store.Row."""

    @property
    def revision(self) -> str:
        """Of its settings."""


def former_settings(
    rows: Mapping[str, Ran], workloads: Mapping[str, Workload], recall: Callable[[str], Workload | None]
) -> dict[str, Workload]:
    """Give the settings of instances that may run with others than the config's, from the node before this one."""
    found = {}
    for name, workload in workloads.items():
        if workload.instance is not None and name in rows and rows[name].revision != revision(workload.spec):
            former = recall(name)
            if former is not None:
                found[name] = former
    return found


def running_outdated(lives: Mapping[str, Life]) -> list[str]:
    """Name the instances that run with others than the config's."""
    return [
        name
        for name, life in lives.items()
        if life.workload.instance is not None and life.up and life.revision != life.launch.revision
    ]


class SetBack:
    """Owns what each instance runs, and what it was ready with last.

    prepare: makes the launch of a workload. desired: the workloads of the config. former: see former_settings().
    """

    def __init__(
        self,
        means: Means,
        keeper: Keeper,
        memory: Memory,
        prepare: Callable[[Workload], Launch],
        *,
        desired: Callable[[], Mapping[str, Workload]],
        former: Mapping[str, Workload],
    ) -> None:
        self._means = means
        self._keeper = keeper
        self._memory = memory
        self._prepare = prepare
        self._desired = desired
        self._former = former
        self._runs: dict[str, Launch] = {}
        self._good: dict[str, Launch] = {}
        self._trials: dict[str, str] = {}
        """Name -> revision that is on trial."""
        self._then, keeper.moved = keeper.moved, self._moved

    def fail(self, life: Life, why: str) -> None:
        """One that was restarted in turn did not come up: undo it, if it was ready with another config before."""
        good = self._good.get(life.name)
        if life.refused or good is None or good.revision == life.launch.revision or not life.wanted:
            return
        kin = [one for one in self._keeper.lives.values() if one.declared and one.workload.group == life.workload.group]
        undone = [one for one in kin if one is life or (one.name in self._trials and one.wanted)]
        done = [one.name for one in kin if self._revision_of_good(one) == one.launch.revision]
        left = [one.name for one in kin if one not in undone and one.name not in done]
        for one in kin:
            back = self._good.get(one.name)
            if one.name not in done and back is not None:
                one.refused, one.launch, one.workload = one.launch.revision, back, back.workload
        self._tell(life, undone, done, left, why)
        for one in undone:
            self._trials.pop(one.name, None)
            self._restart(one, f"set back to its former config: {why}")

    def try_anew(self, life: Life) -> None:
        """A person wants the config of now."""
        workload = self._desired().get(life.name)
        if life.refused and workload is not None:
            life.workload, life.launch, life.refused = workload, self._prepare(workload), ""

    # -- what it sees

    def _moved(self, life: Life) -> None:
        self._then(life)
        name = life.name
        if life.workload.instance is None:
            return
        if life.state == "starting":
            self._begin(life)
        elif life.state == "adopted":
            self._adopt(life)
        elif life.state == "ready":
            self._settled(life, life.incarnation)
        elif name in self._trials and self._has_failed(life):
            self._means.post(self._ended, life, self._trials[name], life.why)

    def _begin(self, life: Life) -> None:
        new, before = life.launch.revision, self._runs.get(life.name)
        self._runs[life.name] = life.launch
        if before is not None and before.revision != new:
            self._memory.remember([life.workload])
        if self._revision_of_good(life) in (None, new) or self._trials.get(life.name) == new:
            return
        self._trials[life.name] = new
        within_s = life.workload.spec.roll.ready_within
        self._means.after(within_s, self._ended, life, new, f"{life.name} is not ready after {within_s:g} s")

    def _adopt(self, life: Life) -> None:
        former = self._former.get(life.name)
        for launch in (life.launch, *([self._prepare(former)] if former is not None else [])):
            if launch.revision == life.revision:
                self._runs[life.name] = launch
                return
        self._runs.pop(life.name, None)

    def _has_failed(self, life: Life) -> bool:
        ended = life.state == "exited" and not life.standing.done
        return (
            ended or life.state == "crash_loop" or (life.state == "backing_off" and life.failed_starts >= FAILED_STARTS)
        )

    def _settled(self, life: Life, incarnation: int) -> None:
        """It is ready: good, once it has been up for long enough; one that ends again and again for longer."""
        if life.incarnation != incarnation or life.state != "ready" or life.name not in self._runs:
            return
        spec, up_s = life.workload.spec, self._means.clock() - life.started_s
        left_s = (max(spec.roll.settle, spec.restart.stable_after) if life.quick_exits else spec.roll.settle) - up_s
        if left_s > 0:
            self._means.after(left_s, self._settled, life, incarnation)
            return
        self._good[life.name] = self._runs[life.name]
        self._trials.pop(life.name, None)

    def _ended(self, life: Life, new: str, why: str) -> None:
        if self._trials.get(life.name) == new and self._keeper.closing is None and life.wanted:
            self.fail(life, why)

    # -- what it does

    def _revision_of_good(self, life: Life) -> str | None:
        good = self._good.get(life.name)
        return good.revision if good is not None else None

    def _restart(self, life: Life, why: str) -> None:
        life.forgive()
        if life.state in DOWN:
            self._keeper.begin(life, why)
        else:
            life.again = why
            self._keeper.stop(life, why)

    def _tell(self, life: Life, undone: list[Life], done: list[str], left: list[str], why: str) -> None:
        name, mode = life.workload.group
        names = [one.name for one in undone]
        self._means.log.error("config.set_back", workload=name, mode=mode, instances=",".join(names), why=why)
        self._means.publish(ConfigSetBack(subject=name, mode=mode, instances=names, done=done, left=left, why=why))
