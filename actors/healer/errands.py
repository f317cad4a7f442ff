"""Remedies that take several commands: a standby that is made ready first, and a task that is run to its end.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.healer.answers import refusal, rows_of
from actors.healer.failing_over import FailingOver
from actors.healer.hands import Hands
from actors.healer.issues import Issue
from actors.healer.remedies import UP, Remedy
from actors.healer.repair import Acted
from actors.settings import Workload
from actors.settings.crosscheck import TOLD
from actors.settings.tasks import TaskKind
from bus.messages.executor import AddTasks, CancelTasks, ExplainTask, TaskDetail, TasksAdded, TaskSpec
from bus.messages.process_manager import ListProcesses, StartProcess, StopProcess

Then = Callable[[Acted | str], None]

_COMMAND_S: Final = 10.0
_LOOK_S: Final = 0.2
"""Seconds between two looks at what is waited for."""
_FOR_EVER_S: Final = 3600.0
"""Seconds that a task is waited for whose kind has no time-out."""
_SHOWN: Final = 120


class Errands:
    """failing_over: set by whoever ends it again."""

    def __init__(self, hands: Hands) -> None:
        self.failing_over: FailingOver | None = None
        self._hands = hands

    def run(self, remedy: Remedy, issue: Issue, workload: Workload, stable_s: float, then: Then) -> None:
        """Do it; then(what was done and what follows, or in one line why not).

        stable_s: seconds that a standby has to be ready.
        """
        if remedy.verb == "task":
            self._task(remedy.argument, issue, then)
        else:
            Standby(self._hands, self.failing_over, issue, workload, then).begin(stable_s)

    # -- a task

    def _task(self, name: str, issue: Issue, then: Then) -> None:
        kind = self._hands.node.tasks.get(name)
        if kind is None:
            then(f"the node's config declares no task {name} any more")
            return
        told = dict(zip(TOLD, (issue.subject, issue.issue), strict=True))
        spec = TaskSpec(
            kind=name,
            params={key: text for key, text in told.items() if key in kind.params},
            priority="high",
            key=f"healer:{issue.issue}:{issue.attempts}",
            tags=["healer"],
        )
        end_s = self._hands.clock() + task_within_s(kind)
        self._hands.request(AddTasks(tasks=[spec]), partial(self._added, name, end_s, then), timeout_s=_COMMAND_S)

    def _added(self, name: str, end_s: float, then: Then, outcome: Any) -> None:
        if isinstance(outcome, TasksAdded):
            self._look(name, outcome.tasks[0], end_s, then)
        else:
            then(f"task {name} was not taken on: {refusal(outcome, strict=True)}")

    def _look(self, name: str, task: int, end_s: float, then: Then) -> None:
        looked = partial(self._looked, name, task, end_s, then)
        self._hands.request(ExplainTask(task=task), looked, timeout_s=_COMMAND_S)

    def _looked(self, name: str, task: int, end_s: float, then: Then, outcome: Any) -> None:
        said = f"task {task} ({name})"
        row = outcome.row if isinstance(outcome, TaskDetail) else None
        if row is not None and row.state == "done":
            result = f" with {outcome.result[:_SHOWN]}" if outcome.result not in (None, "null") else ""
            then(Acted(says=f"{said} is done{result}"))
        elif row is not None and row.ended is not None:
            then(f"{said} is {row.state}{': ' if row.error else ''}{row.error}")
        elif self._hands.clock() >= end_s:
            self._hands.request(
                CancelTasks(tasks=[task], why="it took too long for a remedy"),
                lambda _: then(f"{said} did not end in time, and is cancelled"),
                timeout_s=_COMMAND_S,
            )
        else:
            self._hands.after(_LOOK_S, self._look, name, task, end_s, then)


class Standby:
    """Makes one standby ready; then the first is to be held."""

    def __init__(
        self, hands: Hands, failing_over: FailingOver | None, issue: Issue, workload: Workload, then: Then
    ) -> None:
        self._hands = hands
        self._failing_over = failing_over
        self._workload = workload
        self._then = then
        self._why = f"{issue.kind} {issue.issue}"
        self._name = standby_of(workload, self._hands.node.workloads.values())
        self._started = False
        self._stable_s = self._end_s = 0.0

    def begin(self, stable_s: float) -> None:
        """stable_s: seconds for which it has to be ready."""
        fallback = self._workload.spec.fallback
        if fallback is None or not self._name:
            self._then("its config declares no fallback any more")
            return
        self._stable_s, self._end_s = stable_s, self._hands.clock() + fallback.ready_within
        self._look(self._start_it)

    def _look(self, then: Callable[[Any], None]) -> None:
        """then(its row, or None)."""
        self._hands.request(
            ListProcesses(), lambda outcome: then(rows_of(outcome).get(self._name)), timeout_s=_COMMAND_S
        )

    def _start_it(self, row: Any) -> None:
        if row is not None and row.state in (*UP, "starting"):
            self._seen(row)
            return
        self._started = True
        start = StartProcess(name=self._name, why=f"it stands in for {self._workload.name}: {self._why}")

        def started(outcome: Any) -> None:
            if trouble := refusal(outcome, strict=True):
                self._then(f"{self._name} was not started: {trouble}")
            else:
                self._wait()

        self._hands.request(start, started, timeout_s=_COMMAND_S)

    def _wait(self) -> None:
        self._hands.after(_LOOK_S, self._look, self._seen)

    def _seen(self, row: Any) -> None:
        if row is not None and row.state == "ready" and row.since_s >= self._stable_s:
            self._stand_in(row.since_s)
        elif self._hands.clock() < self._end_s:
            self._wait()
        else:
            self._give_up(f"{self._name} is not ready in time: it is {row.state if row else 'not there'}")

    def _stand_in(self, ready_s: float) -> None:
        name, first = self._name, self._workload.name
        why = self._failing_over.begin(self._workload, name, started=self._started) if self._failing_over else ""
        if why:
            self._give_up(why)
            return
        hold = StopProcess(name=first, why=f"{name} stands in for it: {self._why}", hold=True)
        self._then(Acted(says=f"{name} is ready for {ready_s:.1f} s and stands in", command=hold, then="nothing"))

    def _give_up(self, why: str) -> None:
        if not self._started:
            self._then(why)
            return
        stop = StopProcess(name=self._name, why="it could not stand in", hold=False)
        self._hands.request(stop, lambda _: self._then(why), timeout_s=_COMMAND_S)


def standby_of(workload: Workload, others: Any) -> str:
    """The instance that is to stand in: of the same mode; empty when there is none."""
    wanted = workload.spec.fallback.workload if workload.spec.fallback is not None else ""
    return next((each.name for each in others if each.config_name == wanted and each.mode == workload.mode), "")


def task_within_s(kind: TaskKind) -> float:
    """Seconds in which a task of a kind has ended, with all its attempts."""
    one_s = kind.timeout if kind.timeout is not None else _FOR_EVER_S
    retry = kind.retry
    return float(retry.attempts * (one_s + kind.grace) + (retry.attempts - 1) * retry.longest + _COMMAND_S)
