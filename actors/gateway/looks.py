"""What can be looked at: every GET. Pure."""

from __future__ import annotations

from typing import Any, Final

from actors.gateway import params, views
from actors.gateway.route import ISSUE, TASK, WORKLOAD, Questions, Route, one, words
from bus.message import Command
from bus.messages import (
    ApprovalList,
    ConfigTable,
    DatasetTable,
    DriftReport,
    ExperimentList,
    ExplainDecision,
    ExplainHealth,
    ExplainIssue,
    ExplainProcess,
    ExplainTask,
    GetConfig,
    GetDrift,
    GetHealth,
    GetMetrics,
    GetNode,
    GetTaskStats,
    GoalList,
    IncidentList,
    IssueList,
    ListApprovals,
    ListChanges,
    ListDatasets,
    ListExperiments,
    ListGoals,
    ListIncidents,
    ListIssues,
    ListNodes,
    ListPhases,
    ListProcesses,
    ListSeries,
    ListTasks,
    LogPart,
    MetricsHistory,
    NodeTable,
    PhaseTable,
    ReadLog,
    SeriesList,
    TaskDetail,
)
from bus.status import Status, questions


def _workload(given: Any, _: Any) -> Questions:
    return {
        "processes": ListProcesses(),
        "health": GetHealth(),
        "stories": ExplainProcess(name=given.name),
        "phases": ListPhases(),
        "issues": ListIssues(limit=1000),
        "changes": ListChanges(subject=given.name, limit=20),
    }


def _history(given: Any, _: Any) -> Questions:
    return {"stories": ExplainProcess(name=given.name), "health": ExplainHealth(name=given.name)}


def _issue(given: Any, _: Any) -> Questions:
    return {"detail": ExplainIssue(issue=given.id), "decision": ExplainDecision(issue=given.id)}


def _decisions(given: Any, _: Any) -> Questions:
    return {
        "changes": ListChanges(subject=given.subject, limit=given.limit),
        "issues": ListIssues(open_only=False, limit=1000),
    }


def _tasks(given: Any, _: Any) -> Questions:
    kind, tag = given.kind or None, given.tag or None
    return {
        "queue": ListTasks(kind=kind, tag=tag, limit=given.limit),
        "ended": ListTasks(kind=kind, tag=tag, ended=True, limit=given.limit),
        "stats": GetTaskStats(),
    }


def _series(given: Any, _: Any) -> Command:
    return GetMetrics(
        subjects=words(given.subjects), metrics=words(given.metrics), since_s=given.since_s, points=given.points
    )


def _workload_series(given: Any, _: Any) -> Command:
    return GetMetrics(subjects=[given.name], metrics=words(given.metrics), since_s=given.since_s, points=given.points)


LOOKS: Final = (
    Route(
        path="/health",
        name="health",
        tag="health",
        summary="How well everything is: 200, or 503 when the whole is unhealthy or worse.",
        answer=views.HealthDocument,
        media="application/health+json",
        ask=lambda _given, _body: {"node": GetNode(), "health": GetHealth()},
        statuses=(200, 503),
    ),
    Route(
        path="/livez",
        name="livez",
        tag="health",
        summary="Whether this process still does its work: 200, or 503 when its actors do not answer.",
        answer=views.HealthDocument,
        media="application/health+json",
        statuses=(200, 503),
    ),
    Route(
        path="/readyz",
        name="readyz",
        tag="health",
        summary="Whether the node is up and takes on work: 200, or 503 while it starts, stops or is drained.",
        answer=views.HealthDocument,
        media="application/health+json",
        ask=lambda _given, _body: {"node": GetNode(), "processes": ListProcesses()},
        statuses=(200, 503),
    ),
    Route(
        path="/status",
        name="status",
        tag="status",
        summary="Everything at a glance.",
        answer=Status,
        ask=lambda _given, _body: questions(),
        join=lambda _, found: views.status(found),
    ),
    Route(
        path="/metrics",
        name="metrics",
        tag="metrics",
        summary="What is measured, as Prometheus text, or OpenMetrics when that is what is accepted.",
        media="text/plain",
        ask=lambda _given, _body: {**questions(), "datasets": ListDatasets()},
    ),
    Route(
        path="/series",
        name="series",
        tag="metrics",
        summary="Measured values over time, also from before a restart.",
        params=params.SeriesParams,
        answer=MetricsHistory,
        ask=one(_series),
        timeout_s=30.0,
        statuses=(200, 409),
    ),
    Route(
        path="/series/names",
        name="series_names",
        tag="metrics",
        summary="Which series there are.",
        answer=SeriesList,
        ask=one(lambda _given, _body: ListSeries()),
    ),
    Route(
        path="/workloads",
        name="workloads",
        tag="workloads",
        summary="Every workload with its state and health.",
        answer=views.WorkloadsView,
        ask=lambda _given, _body: {"processes": ListProcesses(), "health": GetHealth()},
        join=lambda _, found: views.workloads(found),
        needed=("processes",),
    ),
    Route(
        path="/workloads/{name}",
        name="workload",
        tag="workloads",
        summary="All that is known of one workload: state, health, story, probes, open issues, changes.",
        params=params.ByName,
        answer=views.WorkloadView,
        ask=_workload,
    ),
    Route(
        path="/workloads/{name}/log",
        name="workload_log",
        tag="workloads",
        summary="The last lines of its log.",
        params=params.LogParams,
        answer=LogPart,
        ask=one(lambda given, _: ReadLog(name=given.name, lines=given.lines, ended=given.ended)),
        before=WORKLOAD,
        statuses=(200, 409),
    ),
    Route(
        path="/workloads/{name}/series",
        name="workload_series",
        tag="workloads",
        summary="What was measured of it over time.",
        params=params.WorkloadSeriesParams,
        answer=MetricsHistory,
        ask=one(_workload_series),
        before=WORKLOAD,
        timeout_s=30.0,
        statuses=(200, 409),
    ),
    Route(
        path="/workloads/{name}/history",
        name="workload_history",
        tag="workloads",
        summary="How it came to its state, move by move, and why its health is as it is.",
        params=params.ByName,
        answer=views.HistoryView,
        ask=_history,
        join=lambda _, found: views.history(found),
        before=WORKLOAD,
    ),
    Route(
        path="/issues",
        name="issues",
        tag="issues",
        summary="What is wrong, newest first.",
        params=params.OpenParams,
        answer=IssueList,
        ask=one(lambda given, _: ListIssues(open_only=given.open_only, limit=given.limit)),
    ),
    Route(
        path="/issues/{id}",
        name="issue",
        tag="issues",
        summary="One issue: evidence, the rule that decides, confidence, every attempt and how it was verified.",
        params=params.ById,
        answer=views.IssueView,
        ask=_issue,
        join=lambda _, found: views.issue(found),
        before=ISSUE,
        needed=("detail",),
    ),
    Route(
        path="/incidents",
        name="incidents",
        tag="issues",
        summary="Troubles of one cause, as one.",
        params=params.OpenParams,
        answer=IncidentList,
        ask=one(lambda given, _: ListIncidents(open_only=given.open_only, limit=given.limit)),
    ),
    Route(
        path="/approvals",
        name="approvals",
        tag="decisions",
        summary="Remedies that wait for a person's word, oldest first.",
        answer=ApprovalList,
        ask=one(lambda _given, _body: ListApprovals()),
    ),
    Route(
        path="/decisions",
        name="decisions",
        tag="decisions",
        summary="What the system altered by itself, and the issue because of which it did.",
        params=params.DecisionParams,
        answer=views.DecisionsView,
        ask=_decisions,
        join=lambda _, found: views.decisions(found),
        needed=("changes",),
    ),
    Route(
        path="/phase",
        name="phases",
        tag="decisions",
        summary="How far healing goes by itself, for the node and each workload.",
        answer=PhaseTable,
        ask=one(lambda _given, _body: ListPhases()),
    ),
    Route(
        path="/goals",
        name="goals",
        tag="goals",
        summary="What is to become better, and how far it is.",
        params=params.GoalParams,
        answer=GoalList,
        ask=one(lambda given, _: ListGoals(open_only=given.open_only)),
    ),
    Route(
        path="/experiments",
        name="experiments",
        tag="goals",
        summary="Parameters that are tried at other values, newest first.",
        params=params.LimitParams,
        answer=ExperimentList,
        ask=one(lambda given, _: ListExperiments(limit=given.limit)),
    ),
    Route(
        path="/tasks",
        name="tasks",
        tag="tasks",
        summary="The queue in its order, what ended lately, and both in numbers.",
        params=params.TaskListParams,
        answer=views.TasksView,
        ask=_tasks,
        join=lambda _, found: views.tasks(found),
    ),
    Route(
        path="/tasks/{id}",
        name="task",
        tag="tasks",
        summary="One task with its history.",
        params=params.ByTask,
        answer=TaskDetail,
        ask=one(lambda given, _: ExplainTask(task=given.id)),
        before=TASK,
    ),
    Route(
        path="/gaps",
        name="gaps",
        tag="tasks",
        summary="Data sets: what should be there against what is there.",
        answer=DatasetTable,
        ask=one(lambda _given, _body: ListDatasets()),
    ),
    Route(
        path="/drift",
        name="drift",
        tag="status",
        summary="Where what runs differs from what the config says.",
        answer=DriftReport,
        ask=one(lambda _given, _body: GetDrift()),
    ),
    Route(
        path="/nodes",
        name="nodes",
        tag="status",
        summary="Every node known here, and how each is.",
        answer=NodeTable,
        ask=one(lambda _given, _body: ListNodes()),
    ),
    Route(
        path="/config",
        name="config",
        tag="status",
        summary="The config in force, and where each value comes from; secrets are shown as ***.",
        answer=ConfigTable,
        ask=one(lambda _given, _body: GetConfig()),
    ),
    Route(
        path="/events",
        name="events",
        tag="status",
        summary="What happens, as it happens, as server-sent events; goes on from Last-Event-ID.",
        params=params.EventParams,
        media="text/event-stream",
        statuses=(200, 503),
    ),
    Route(
        path="/openapi.json",
        name="openapi",
        tag="status",
        summary="This document.",
        media="application/json",
    ),
)
