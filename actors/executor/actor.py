"""The Executor's shell: takes tasks on, keeps workers running, and tells what became of the tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psutil

from actors.base import Actor, Home, NodeView, Repeat
from actors.executor.answers import explained, stats
from actors.executor.committing import Committer, Outcome
from actors.executor.desk import Desk, Seen
from actors.executor.hints import Hints
from actors.executor.model import Fence, Filter, Row
from actors.executor.opening import open_store
from actors.executor.order import Order, encode
from actors.executor.pool import Ended, Pool
from actors.executor.reading import Reading
from actors.executor.rescue import Rescuer
from actors.executor.room import Room, room_of
from actors.executor.settings import POSTGRES, ExecutorSettings
from actors.executor.store import TaskStore
from actors.executor.words import cancelled, ended, limits_of, new_task, refusal, shown
from actors.settings import Bytes, Resources
from bus.errors import CommandError
from bus.hub import Request
from bus.message import Done, Reply
from bus.messages import (
    AddTasks,
    CancelTasks,
    EmergencyDeclared,
    EmergencyEnded,
    ExplainTask,
    GetHealth,
    GetTaskStats,
    HealthReport,
    ListTasks,
    NodeStopping,
    PauseTasks,
    QueueSetAside,
    RetryTasks,
    TaskLate,
    TaskList,
    TasksAdded,
    TasksFinished,
    WorkerEnded,
)

FILE = "tasks.db"
FOLDER = "tasks"
SWEEP_S = 60.0
"""Seconds between two times at which what is old is forgotten."""
TALLY_S = 1.0
"""Seconds between two facts of how many tasks ended."""
RETRY_LONGEST_S = 3600.0


class Executor(Actor[ExecutorSettings]):
    """Owns the queue with its workers; no other actor reads or writes it.

    Without kinds of tasks in the config it starts no worker and opens nothing until it is asked something.
    """

    name = "executor"
    listens = (EmergencyDeclared, EmergencyEnded, NodeStopping)
    answers = (AddTasks, CancelTasks, ExplainTask, GetTaskStats, ListTasks, PauseTasks, RetryTasks)
    Settings = ExecutorSettings
    workers: ClassVar[int] = 1

    def __init__(self, home: Home, node: NodeView, settings: ExecutorSettings) -> None:
        super().__init__(home, node, settings)
        self._folder = node.state_dir / FOLDER
        self._address = self._wanted_address
        self._desk = self._make_desk()
        self._committer: Committer | None = None
        self._hints: Hints | None = None
        self._pool: Pool | None = None
        self._timers: list[Repeat] = []
        self._looking = self._look_again = self._stopping = False
        self._finished: Counter[str] = Counter()
        self._silent = ""
        self._emergency: str | None = None

    def on_start(self) -> None:
        """Begin when there are tasks to be done."""
        if self.node.tasks:
            self._begin()

    def on_stop(self) -> None:
        """Let go; the workers end what they have in hand, or give it back."""
        if self._pool is not None:
            self._pool.stop()
        if self._hints is not None:
            self._hints.close()
        if self._committer is not None:
            self._committer.close()
        self._desk.close()

    def on_reload(self) -> None:
        """Other kinds or settings: new workers for them, while the former ones end what they have in hand."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None
        if self._address != self._wanted_address:
            self._desk.close()
            if self._committer is not None:
                self._committer.close()
                self._committer = None
            self._address = self._wanted_address
            self._desk = self._make_desk()
        self.run(partial(self._desk.set_limits, limits_of(self.node.tasks)), self._noted)
        if self.node.tasks and not self._stopping:
            self._begin()

    def on_emergency_declared(self, fact: EmergencyDeclared) -> None:
        if fact.subject == self.node.name:
            self._take_urgent_only(fact.incident)

    def on_emergency_ended(self, fact: EmergencyEnded) -> None:
        if fact.subject == self.node.name:
            self._take_urgent_only("")

    def _saw_health(self, outcome: HealthReport | CommandError) -> None:
        """A fact may be lost; without a Monitor nobody declares an emergency."""
        self._take_urgent_only(outcome.emergency if isinstance(outcome, HealthReport) else "")

    def _take_urgent_only(self, incident: str) -> None:
        if self._pool is None or incident == self._emergency:
            return
        self._emergency = incident
        self.log.info("urgency.changed", incident=incident)
        own = self._room.own
        self.run(partial(self._desk.use, lambda store, _: store.take_urgent_only(own, incident)), self._urgency_kept)

    def _urgency_kept(self, outcome: object) -> None:
        if self._failed(outcome):
            self._emergency = None  # so that the next look at the health tries again

    def on_node_stopping(self, _: NodeStopping) -> None:
        self._stopping = True
        if self._pool is not None:
            self._pool.stop()

    # -- workers

    def _begin(self) -> None:
        """Start the workers, and look at what they do."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._hints is None:
            self._hints = Hints(self._told, lambda: self.post(self._look))
            self._timers = [self.every(self.settings.look_every, self._look), self.every(SWEEP_S, self._sweep)]
        self._pool = Pool(self.node.name, self._order, partial(self.post, self._heard))
        self.run(self._desk.look, self._ready)

    def _ready(self, outcome: Seen | Exception) -> None:
        """The queue was opened, or will be: workers try by themselves."""
        self._looked(outcome)
        self.request(GetHealth(), self._saw_health)
        if self._pool is not None and not self._stopping:
            for slot in range(self.settings.workers):
                self._pool.start(slot)

    @property
    def _room(self) -> Room:
        offers = self.settings.offers or Resources(
            cpu=float(psutil.cpu_count() or 1), memory=Bytes(psutil.virtual_memory().total)
        )
        return room_of(self.node.name, offers, self.node.tasks)

    @property
    def _told(self) -> Path:
        return self._folder / "told"

    def _order(self, name: str) -> bytes:
        order = Order(
            name=name,
            node=self.node.name,
            address=self._address,
            synchronous="FULL" if self.settings.durability == "full" else "NORMAL",
            step_s=self.settings.ageing,
            lease_s=self.settings.lease,
            lost_max=self.settings.deaths_max,
            stop_within_s=self.settings.stop_within,
            offers=self._room.offers,
            locks=str(self._folder / "workers"),
            root=str(self.node.root.absolute()),
            output=str(self._folder / "output"),
            told=str(self._told),
            kinds=dict(self.node.tasks),
        )
        return encode(order)

    def _heard(self, what: Ended | str) -> None:
        if isinstance(what, str):
            self.log.info("worker.said", line=what)
            return
        if self._stopping:
            return
        self.log.warning("worker.ended", worker=what.name, exit_code=what.exit_code, retry_s=what.retry_s)
        self.publish(
            WorkerEnded(
                subject=self.name, worker=what.name, exit_code=what.exit_code, retry_s=what.retry_s, said=what.said
            )
        )
        self.after(what.retry_s, self._start_worker, self._pool, what.slot)
        self._look()

    def _start_worker(self, pool: Pool, slot: int) -> None:
        if pool is self._pool and not self._stopping:
            pool.start(slot)

    # -- what happens

    def _look(self) -> None:
        if self._looking:
            self._look_again = True
            return
        self._looking = True
        self.run(self._desk.look, self._looked)

    def _looked(self, outcome: Seen | Exception) -> None:
        self._looking = False
        if self._failed(outcome) or not isinstance(outcome, Seen):
            return
        self._tally(outcome.ended)
        for row in outcome.ended:
            self.publish(ended(row))
            if row.state == "dead":
                self.log.warning("task.failed", task=row.id, kind=row.kind, attempts=row.attempt, error=row.error)
        for task, kind, then in outcome.late:
            self.publish(TaskLate(subject=kind, task=task, then="drop" if then == "drop" else "escalate"))
        for one in outcome.rescued:
            self.log.warning("task.rescued", task=one.id, worker=one.worker, outcome=one.outcome or "queued")
        if outcome.more or self._look_again:
            self._look_again = False
            self._look()

    def _tally(self, rows: Sequence[Row]) -> None:
        """Count them, and tell the numbers a second later with those that follow."""
        if rows and not self._finished:
            self.after(TALLY_S, self._tell_finished)
        self._finished.update(row.state for row in rows)

    def _tell_finished(self) -> None:
        done, failed = self._finished["done"], self._finished["dead"]
        self._finished.clear()
        if done or failed:
            self.publish(TasksFinished(subject=self.name, done=done, failed=failed))

    def _sweep(self) -> None:
        rules = [rule for kind in self.node.tasks.values() for rule in (kind.retry, *kind.retry_on.values())]
        longest_s = max([RETRY_LONGEST_S, *(rule.longest for rule in rules)])
        work = partial(self._desk.sweep, longest_s, self.settings.keep_done, self.settings.keep_failed)
        self.run(work, self._noted)
        self.request(GetHealth(), self._saw_health)

    def _noted(self, outcome: object) -> None:
        self._failed(outcome)

    def _failed(self, outcome: object) -> bool:
        """Whether the queue did not do it; said once until it answers again."""
        why = str(outcome) if isinstance(outcome, Exception) else ""
        if why and not self._silent:
            self.log.error("queue.failed", why=why)
        elif self._silent and not why:
            self.log.info("queue.answers_again")
        self._silent = why
        return bool(why)

    def _set_aside(self, kept: Path, why: str) -> None:
        self.log.error("queue.set_aside", kept=str(kept), why=why)
        self.publish(QueueSetAside(subject=self.name, kept=str(kept), why=why))

    # -- commands

    def do_add_tasks(self, command: AddTasks) -> Reply | None:
        room = None if self._address.startswith(POSTGRES) else self._room
        tasks = [new_task(spec, self.node.tasks, room) for spec in command.tasks]
        if not tasks:
            return TasksAdded(tasks=[], fresh=0)
        if self._committer is None:
            self._committer = Committer(self._open)
        self._committer.add(tasks, partial(_answer_added, self.defer_reply()), _fence(command))
        return None

    def do_cancel_tasks(self, command: CancelTasks) -> None:
        def work(store: TaskStore, _: Reading) -> Done:
            done = [store.cancel(task, command.why, _fence(command)) for task in command.tasks]
            return Done(detail=cancelled(command.tasks, done))

        self._do(work)

    def do_retry_tasks(self, command: RetryTasks) -> None:
        def work(store: TaskStore, _: Reading) -> Done:
            for task in command.tasks:
                store.revive(task)
            return Done(detail=f"{len(command.tasks)} queued again")

        self._do(work)

    def do_list_tasks(self, command: ListTasks) -> None:
        wanted = Filter(
            states=tuple(command.states),
            kind=command.kind,
            tag=command.tag,
            ended=command.ended,
            limit=max(1, min(command.limit, 10_000)),
        )

        def work(store: TaskStore, reading: Reading) -> TaskList:
            return TaskList(tasks=[shown(row) for row in reading.find(wanted)], paused=store.recall("paused"))

        self._do(work)

    def do_explain_task(self, command: ExplainTask) -> None:
        room, kinds = self._room, self.node.tasks
        self._do(lambda store, reading: explained(command.task, kinds, room, store, reading))

    def do_get_task_stats(self, command: GetTaskStats) -> None:
        alive = len(self._pool.pids) if self._pool is not None else 0
        self._do(lambda store, reading: stats(command.window_s, alive, store, reading))

    def do_pause_tasks(self, command: PauseTasks) -> None:
        def work(store: TaskStore, reading: Reading) -> Done:
            store.pause(command.why)
            running = reading.counts().get("running", 0)
            return Done(
                detail=f"no task is taken; {running} still run" if command.why is not None else "tasks are taken"
            )

        self._do(work)

    def _do(self, work: Callable[[TaskStore, Reading], Reply]) -> None:
        """Have the queue do it in the actor's second thread, and answer."""
        request = self.defer_reply()

        def then(outcome: Any) -> None:
            request.answer(refusal(outcome) if isinstance(outcome, Exception) else outcome)
            self._look()

        self.run(partial(self._desk.use, work), then)

    # -- opening

    @property
    def _wanted_address(self) -> str:
        return self.settings.database or str(self.node.state_dir / FILE)

    def _make_desk(self) -> Desk:
        return Desk(
            self._open,
            self._address,
            self._rescuer,
            node=self.node.name,
            limits=limits_of(self.node.tasks),
            aside=lambda kept, why: self.post(self._set_aside, kept, why),
        )

    def _open(self) -> TaskStore:
        """Raises: StoreFailed."""
        return open_store(
            self._address,
            synchronous="FULL" if self.settings.durability == "full" else "NORMAL",
            step_s=self.settings.ageing,
        )

    def _rescuer(self, store: TaskStore) -> Rescuer:
        return Rescuer(store, self._folder / "workers", self.node.name, lost_max=self.settings.deaths_max)


def _answer_added(request: Request, outcome: Outcome) -> None:
    """In the committer's thread."""
    if isinstance(outcome, Exception):
        request.answer(refusal(outcome))
    else:
        request.answer(TasksAdded(tasks=[one.id for one in outcome], fresh=sum(one.fresh for one in outcome)))


def _fence(command: AddTasks | CancelTasks) -> Fence | None:
    return Fence(command.lease, command.token) if command.lease else None
