"""What can be done: every POST. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actors.gateway import params
from actors.gateway.route import ACTION_S, ASKED, ISSUE, TASK, WORKLOAD, Route, one
from bus.message import Command, Done
from bus.messages import (
    ApproveRemedy,
    CancelTasks,
    DriftReport,
    Reconcile,
    RejectRemedy,
    ReleaseProcess,
    ResolveIssue,
    RestartProcess,
    RetryTasks,
    SetPhase,
    StartProcess,
    StopProcess,
    UndoIssue,
)


def _on_workload(verb: str, summary: str, make: Callable[[Any, Any], Command]) -> Route:
    return Route(
        method="POST",
        path=f"/workloads/{{name}}/{verb}",
        name=f"{verb}_workload",
        tag="workloads",
        summary=summary,
        params=params.ByName,
        body=params.Why,
        answer=Done,
        ask=one(make),
        before=WORKLOAD,
        statuses=(200, 409),
        timeout_s=ACTION_S,
    )


def _on_approval(verb: str, summary: str, kind: type[ApproveRemedy | RejectRemedy]) -> Route:
    return Route(
        method="POST",
        path=f"/approvals/{{issue}}/{verb}",
        name=f"{verb}_remedy",
        tag="decisions",
        summary=summary,
        params=params.ByIssue,
        body=params.Noted,
        answer=Done,
        ask=one(lambda given, body: kind(issue=given.issue, note=body.note)),
        before=ASKED,
        statuses=(200, 409),
    )


def _on_issue(verb: str, summary: str, kind: type[ResolveIssue | UndoIssue]) -> Route:
    return Route(
        method="POST",
        path=f"/issues/{{id}}/{verb}",
        name=f"{verb}_issue",
        tag="issues",
        summary=summary,
        params=params.ById,
        body=params.Noted,
        answer=Done,
        ask=one(lambda given, body: kind(issue=given.id, note=body.note)),
        before=ISSUE,
        statuses=(200, 409),
        timeout_s=ACTION_S,
    )


def _on_task(verb: str, summary: str, make: Callable[[Any, Any], Command]) -> Route:
    return Route(
        method="POST",
        path=f"/tasks/{{id}}/{verb}",
        name=f"{verb}_task",
        tag="tasks",
        summary=summary,
        params=params.ByTask,
        body=params.Why,
        answer=Done,
        ask=one(make),
        before=TASK,
        statuses=(200, 409),
        timeout_s=ACTION_S,
    )


ACTIONS: Final = (
    _on_workload(
        "start",
        "Start it, its dependencies first; ends a hold or a crash loop.",
        lambda given, body: StartProcess(name=given.name, why=body.why),
    ),
    _on_workload(
        "stop",
        "Stop it; it stays down until it is started.",
        lambda given, body: StopProcess(name=given.name, why=body.why),
    ),
    _on_workload("restart", "Stop and start it.", lambda given, body: RestartProcess(name=given.name, why=body.why)),
    _on_workload(
        "hold",
        "Stop it and keep it down, also against every remedy, until it is released or started.",
        lambda given, body: StopProcess(name=given.name, why=f"held: {body.why}"),
    ),
    _on_workload(
        "release",
        "End its hold; it is started if it starts with the node.",
        lambda given, body: ReleaseProcess(name=given.name, why=body.why),
    ),
    _on_approval("approve", "Let the remedy begin that is asked for.", ApproveRemedy),
    _on_approval("reject", "Do not let it begin; the next of the plan has its turn.", RejectRemedy),
    _on_issue("resolve", "Say that an issue is dealt with.", ResolveIssue),
    _on_issue("undo", "Take back what the last remedy of an issue did.", UndoIssue),
    Route(
        method="POST",
        path="/phase",
        name="set_phase",
        tag="decisions",
        summary="Set how far healing goes by itself, also over restarts of the node.",
        body=params.PhaseBody,
        answer=Done,
        ask=one(lambda _, body: SetPhase(name=body.name, phase=body.phase)),
        statuses=(200, 409),
    ),
    _on_task(
        "cancel",
        "Cancel it with its children; a running one is told to end.",
        lambda given, body: CancelTasks(tasks=[given.id], why=body.why),
    ),
    _on_task(
        "retry",
        "Run it again that ended without being done, from its last checkpoint.",
        lambda given, _: RetryTasks(tasks=[given.id]),
    ),
    Route(
        method="POST",
        path="/reconcile",
        name="reconcile",
        tag="status",
        summary="Compare what runs with what the config says now.",
        body=params.Why,
        answer=DriftReport,
        ask=one(lambda _, body: Reconcile(why=body.why)),
        statuses=(200, 409),
        timeout_s=ACTION_S,
    ),
)
