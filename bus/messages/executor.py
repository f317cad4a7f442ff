"""Messages of the Executor: tasks that are kept until they are done. Times are Unix seconds."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream

TaskState = Literal["queued", "scheduled", "blocked", "running", "done", "dead", "cancelled", "expired"]
TaskOutcome = Literal["done", "dead", "cancelled", "expired"]


class TaskEnded(Fact, frozen=True, kw_only=True):
    """A task has ended; its subject is its kind. dead: failed for good, kept and can be retried. expired: too late.

    key: its deduplication key. run_s: seconds that all its attempts ran. May be told twice, as after a node's death.
    """

    kind = "task.ended"
    task: int
    outcome: TaskOutcome
    key: str | None = None
    tags: list[str] = []
    attempts: int = 0
    run_s: float = 0.0
    error: str = ""


class TaskLate(Fact, frozen=True, kw_only=True):
    """A task passed its deadline before it was started; its subject is its kind. then: what was done about it."""

    kind = "task.late"
    task: int
    then: Literal["drop", "escalate"]


class TasksFinished(Fact, frozen=True, kw_only=True):
    """So many tasks ended since the last such fact, at most once a second; its subject is the actor.

    done, failed: those that are done, and those that failed for good.
    """

    kind = "task.some_finished"
    done: int
    failed: int


class QueueSetAside(Fact, frozen=True, kw_only=True):
    """The file of the queue was broken, and an empty one is used in its place. kept: where the broken one is now."""

    kind = "queue.set_aside"
    stream = Stream.DURABLE
    kept: str
    why: str


class WorkerEnded(Fact, frozen=True, kw_only=True):
    """A worker ended though nobody asked it to; its subject is the actor. retry_s: seconds until the next one."""

    kind = "worker.ended"
    worker: str
    exit_code: int
    retry_s: float
    said: str = ""


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be added. key: while one with it has not ended, that one is given back. after: tasks to be done first.

    priority: None for that of its kind. parent: the task with which it is cancelled. written: params are texts as a
    person wrote them, to be read as what they are.
    """

    kind: str
    params: dict[str, Any] = {}
    priority: Literal["critical", "high", "medium", "low", "deferred"] | None = None
    key: str | None = None
    tags: list[str] = []
    not_before: float | None = None
    deadline: float | None = None
    late: Literal["drop", "escalate"] = "drop"
    after: list[int] = []
    parent: int | None = None
    written: bool = False


class TasksAdded(Reply, frozen=True, kw_only=True):
    """The numbers of the tasks, in order, once all are committed. fresh: how many were not there already."""

    tasks: list[int]
    fresh: int


class AddTasks(Command, frozen=True, kw_only=True):
    """Take tasks on, all or none. lease, token: refused once the lease has gone to another; empty: no lease."""

    target = "executor"
    verb = "add_tasks"
    reply = TasksAdded
    tasks: list[TaskSpec]
    lease: str = ""
    token: int = 0


class CancelTasks(Command, frozen=True, kw_only=True):
    """Cancel tasks with their children; running ones are told to end. Those that ended stay as they are.

    lease, token: as for AddTasks.
    """

    target = "executor"
    verb = "cancel_tasks"
    tasks: list[int]
    why: str = "asked"
    lease: str = ""
    token: int = 0


class RetryTasks(Command, frozen=True, kw_only=True):
    """Run tasks again that ended without being done, each from its last checkpoint."""

    target = "executor"
    verb = "retry_tasks"
    tasks: list[int]


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task. ended: None while it has not. progress: from 0 to 1. waits_for: tasks to be done first."""

    task: int
    kind: str
    state: TaskState
    priority: str
    key: str | None
    tags: list[str]
    added: float
    due: float | None
    started: float | None
    ended: float | None
    attempt: int
    failures: int
    run_s: float
    worker: str | None
    progress: float | None
    note: str
    error: str
    waits_for: list[int] = []
    stop: str | None = None


class TaskList(Reply, frozen=True, kw_only=True):
    """Tasks: running ones first, then in the order in which they are taken; ended ones newest first."""

    tasks: list[TaskRow]
    paused: str | None = None


class ListTasks(Command, frozen=True, kw_only=True):
    """Tasks that have not ended, or those that have. Empty and None mean any."""

    target = "executor"
    verb = "list_tasks"
    reply = TaskList
    states: list[TaskState] = []
    kind: str | None = None
    tag: str | None = None
    ended: bool = False
    limit: int = 100


class TaskHappening(msgspec.Struct, frozen=True, kw_only=True):
    """Something out of the ordinary in the life of a task."""

    time: float
    what: str
    detail: str


class TaskLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of what protects tasks. off: the kind has none. holds: the task waits for it. acted: it did something.

    says: in words, what it did, or what it allows.
    """

    name: str
    state: Literal["off", "passes", "holds", "acted"]
    says: str = ""


class TaskDetail(Reply, frozen=True, kw_only=True):
    """All that is known of a task. params, result, checkpoint: JSON. lost: workers that died over it.

    layers: in the order in which it meets them.
    """

    row: TaskRow
    params: str
    result: str | None
    checkpoint: str | None
    deadline: float | None
    parent: int | None
    children: list[int]
    lost: int
    happenings: list[TaskHappening]
    layers: list[TaskLayer] = []


class ExplainTask(Command, frozen=True, kw_only=True):
    """One task with its history."""

    target = "executor"
    verb = "explain_task"
    reply = TaskDetail
    task: int


class TaskCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of a kind are in a state. oldest_s: seconds since the oldest was added; 0 for ended ones.

    mean_s: seconds that one ran, of those that ended; 0 for the others.
    """

    kind: str
    state: TaskState
    number: int
    oldest_s: float = 0.0
    mean_s: float = 0.0


class TaskStats(Reply, frozen=True, kw_only=True):
    """The queue in numbers. ended: of those that ended in the last window_s seconds. workers: processes that live."""

    counts: dict[str, int]
    waiting: list[TaskCount]
    ended: list[TaskCount]
    window_s: float
    workers: int
    paused: str | None


class GetTaskStats(Command, frozen=True, kw_only=True):
    """The queue in numbers."""

    target = "executor"
    verb = "get_task_stats"
    reply = TaskStats
    window_s: float = 300.0


class PauseTasks(Command, frozen=True, kw_only=True):
    """Have no worker take a further task, on all nodes that share the queue; those in hand go on. None: take again."""

    target = "executor"
    verb = "pause_tasks"
    reply = Done
    why: str | None = "asked"
