"""What workloads tell of themselves, and what it means: ready, alive, in need of more time. Pure.

The places where they tell it are given; see notify.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, structs

from actors.clock import Alarm
from actors.process_manager.gate import Extras
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.notices import Notice
from actors.process_manager.processes import Processes
from actors.process_manager.spawn import SpawnFailed, uid_of
from actors.process_manager.tokens import TOKEN
from bus.messages import ProbeFailed, ProbeMeasured, ProbeRecovered, ProcessNotified


class Said(Protocol):
    """One notice and its sender: see notify.Heard."""

    @property
    def notice(self) -> Notice:
        """What was said."""

    @property
    def pid(self) -> int | None:
        """By which process."""

    @property
    def uid(self) -> int | None:
        """Of which user."""


class Places(Protocol):
    """Where they tell it: see notify.Notices."""

    def begin(self, name: str, incarnation: int, *, fresh: bool) -> None:
        """What is heard from now on is of this incarnation. fresh: what was not heard yet is of none."""

    def listen(self, name: str, *, foreign: bool) -> str:
        """Open the socket; give its address."""

    def pipe(self, name: str) -> int:
        """Open the pipe; give its descriptor."""

    def forget(self, name: str) -> None:
        """Close what a workload had."""


class Memory(Protocol):
    """What is remembered over the end of the node: see store.Store."""

    def told_ready(self, name: str, token: str) -> None:
        """Remember that it has said that it is ready."""

    def was_told_ready(self, name: str, token: str) -> bool:
        """Whether it has said so."""


class Watch(Struct, kw_only=True):
    """One incarnation that tells. since_s, fed_s, failed_s, until_s: monotonic. watchdog_s: seconds, or None."""

    since_s: float
    until_s: float
    fed_s: float = 0.0
    failed_s: float = 0.0
    watchdog_s: float | None = None
    heard: bool = False
    alarms: dict[str, Alarm] = {}


class Telling:
    """Hears the workloads that are up. changed(life) is called when life.checks has changed."""

    def __init__(
        self, means: Means, places: Places, memory: Memory, table: Processes, changed: Callable[[Life], None]
    ) -> None:
        self._means = means
        self._places = places
        self._memory = memory
        self._table = table
        self._changed = changed
        self._watches: dict[str, Watch] = {}
        self.extend: Callable[[Life, float], None] = lambda _life, _seconds: None
        """Called when a workload that stops asks for time, in seconds."""

    # -- coming and going

    def extras(self, life: Life, incarnation: int, base: Extras) -> Extras:
        """Add what an incarnation that is about to be spawned needs to tell anything. Raises SpawnFailed."""
        spec = life.workload.spec
        try:
            fd = self._places.pipe(life.name) if spec.notify.ready == "fd" else None
            env = {"NOTIFY_SOCKET": self._listen(life)} if spec.notify.listens else {}
        except OSError as error:
            raise SpawnFailed(f"its notify socket: {error.strerror or error}", retryable=True) from error
        if spec.notify.watchdog is not None:
            env["WATCHDOG_USEC"] = str(round(spec.notify.watchdog * 1_000_000))
        if env or fd is not None:
            self._places.begin(life.name, incarnation, fresh=True)
            return structs.replace(base, env={**base.env, **env}, fd=spec.notify.fd, notify_fd=fd)
        return base

    def begin(self, life: Life) -> None:
        """A new incarnation is up, or one was adopted."""
        self.end(life)
        notify, now_s = life.workload.spec.notify, self._means.clock()
        life.status, life.told_pid = "", None
        if not notify.listens and notify.ready != "fd":
            return
        if life.adopted:
            self._reopen(life)
        watch = Watch(since_s=now_s, until_s=now_s + notify.within, watchdog_s=notify.watchdog, alarms={})
        self._watches[life.name] = watch
        known = life.adopted and self._memory.was_told_ready(life.name, life.token)
        if notify.ready == "none" or known:
            self._feed(life, watch)
        else:
            life.checks = structs.replace(life.checks, told=None)
            self._set(life, watch, "within", notify.within)

    def end(self, life: Life) -> None:
        """It is down or being stopped: nothing is expected of it any more."""
        watch = self._watches.pop(life.name, None)
        if watch is not None:
            for alarm in watch.alarms.values():
                alarm.cancel()

    def forget(self, name: str) -> None:
        """It is no longer declared."""
        self._places.forget(name)

    def _listen(self, life: Life) -> str:
        return self._places.listen(life.name, foreign=life.workload.spec.user is not None)

    def _reopen(self, life: Life) -> None:
        notify = life.workload.spec.notify
        self._places.begin(life.name, life.incarnation, fresh=False)  # first: what waits is read once it is open
        try:
            if notify.listens:
                self._listen(life)
            if notify.ready == "fd":
                self._places.pipe(life.name)
        except OSError as error:
            self._means.log.warning("notify.not_heard", workload=life.name, error=error.strerror or str(error))

    # -- hearing

    def hear(self, life: Life, said: Said) -> None:
        """Take in what a process says in the name of a workload."""
        notice, watch = said.notice, self._watches.get(life.name)
        if not self._may_speak(life, said):
            self._means.log.warning("notify.refused", workload=life.name, pid=said.pid or 0, uid=said.uid or 0)
            return
        if notice.extend_s is not None:
            self._extend(life, watch, notice.extend_s)
        self._note(life, notice)
        if watch is None:
            return
        if notice.watchdog_s is not None:
            watch.watchdog_s = notice.watchdog_s or None
        if notice.watchdog == "trigger":
            self._starved(life, watch, "it says so itself")
        elif notice.ready or notice.watchdog == "1":
            self._feed(life, watch)
            if notice.watchdog == "1" and not watch.heard:
                watch.heard = True
                self._well(life, "liveness", "its watchdog is fed")
        if notice.ready:
            self._ready(life, watch)
        elif notice.reloading or notice.stopping:
            self._unready(life, watch)

    def _may_speak(self, life: Life, said: Said) -> bool:
        if said.pid is None or said.pid == life.pid:
            return True
        if life.workload.spec.notify.speaker == "main" or said.uid not in (0, *uid_of(life.workload.spec.user)):
            return False
        stat = self._table.stat(said.pid)
        gone = stat is None or stat.zombie
        return (
            gone
            or (stat is not None and stat.session == life.pid)
            or (self._table.environ(said.pid).get(TOKEN) == life.token)
        )

    def _note(self, life: Life, notice: Notice) -> None:
        """Keep what it says of itself, and tell it once."""
        before = (life.status, life.told_pid)
        if notice.status is not None:
            life.status = notice.status
        elif notice.reloading or notice.stopping:
            life.status = "reloads" if notice.reloading else "stops by itself"
        if notice.main_pid is not None:
            life.told_pid = notice.main_pid if notice.main_pid != life.pid else None
        if (life.status, life.told_pid) != before:
            self._means.publish(ProcessNotified(subject=life.name, status=life.status, told_pid=life.told_pid))

    def _ready(self, life: Life, watch: Watch) -> None:
        self._unset(watch, "within")
        if life.checks.told is False:
            self._recovered(life, watch, "startup")
        if life.checks.told is not True:
            self._well(life, "startup", "it has told that it is ready")
            self._memory.told_ready(life.name, life.token)
            life.checks = structs.replace(life.checks, told=True)
            self._changed(life)

    def _unready(self, life: Life, watch: Watch) -> None:
        if life.workload.spec.notify.ready != "none" and life.checks.told:
            life.checks = structs.replace(life.checks, told=None)
            self._changed(life)
        self._unset(watch, "fed")

    def _extend(self, life: Life, watch: Watch | None, seconds: float) -> None:
        if life.ending is not None:
            self.extend(life, seconds)
        elif watch is not None and life.checks.told is None:
            watch.until_s = max(watch.until_s, self._means.clock() + seconds)

    # -- time

    def _feed(self, life: Life, watch: Watch) -> None:
        watch.fed_s = self._means.clock()
        if not life.checks.fed:
            self._recovered(life, watch, "liveness")
            life.checks = structs.replace(life.checks, fed=True)
            self._changed(life)
        if watch.watchdog_s is not None and "fed" not in watch.alarms:
            self._set(life, watch, "fed", watch.watchdog_s)

    def _set(self, life: Life, watch: Watch, what: str, after_s: float) -> None:
        self._unset(watch, what)
        watch.alarms[what] = self._means.after(after_s, self._due, life, watch, what)

    def _unset(self, watch: Watch, what: str) -> None:
        alarm = watch.alarms.pop(what, None)
        if alarm is not None:
            alarm.cancel()

    def _due(self, life: Life, watch: Watch, what: str) -> None:
        """A time is over; the same alarm serves again when it was prolonged meanwhile."""
        if self._watches.get(life.name) is not watch or what not in watch.alarms:
            return
        end_s = watch.until_s if what == "within" else watch.fed_s + (watch.watchdog_s or 0.0)
        left_s = end_s - self._means.clock()
        if left_s > 0:
            self._set(life, watch, what, left_s)
            return
        self._unset(watch, what)
        if what == "within":
            self._late(life, watch)
        elif watch.watchdog_s is not None:
            self._starved(life, watch, f"no WATCHDOG=1 for {watch.watchdog_s:g} s")

    def _late(self, life: Life, watch: Watch) -> None:
        if life.checks.told is not None:
            return
        if life.adopted:  # it may have said so while no node was there
            self._means.log.info("notify.taken_for_ready", workload=life.name)
            self._ready(life, watch)
            return
        within_s = watch.until_s - watch.since_s
        self._failed(life, watch, "startup", f"it has not told within {within_s:g} s that it is ready")
        life.checks = structs.replace(life.checks, told=False)
        self._changed(life)

    def _starved(self, life: Life, watch: Watch, why: str) -> None:
        self._unset(watch, "fed")
        if life.checks.fed:
            self._failed(life, watch, "liveness", f"watchdog: {why}")
            life.checks = structs.replace(life.checks, fed=False)
            self._changed(life)

    def _failed(self, life: Life, watch: Watch, probe: str, detail: str) -> None:
        watch.failed_s = self._means.clock()
        self._means.publish(ProbeFailed(subject=life.name, probe=probe, failures=1, detail=detail))

    def _well(self, life: Life, probe: str, detail: str) -> None:
        """Tell it once for each incarnation: whoever restarted it waits to hear that it helped."""
        self._means.publish(ProbeMeasured(subject=life.name, probe=probe, ok=True, latency_s=0.0, detail=detail))

    def _recovered(self, life: Life, watch: Watch, probe: str) -> None:
        after_s = self._means.clock() - watch.failed_s
        self._means.publish(ProbeRecovered(subject=life.name, probe=probe, after_s=after_s))
