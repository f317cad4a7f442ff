"""What requests carry: names in the path, the query, the body. Types only; pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bus.messages import PhaseName

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Note = Annotated[str, Meta(max_length=500)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Names = Annotated[str, Meta(max_length=4000)]
"""Names with commas between them; empty for all."""


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a request that carries nothing."""


class ByName(Params, frozen=True, kw_only=True):
    """A workload, as `/workloads` calls it."""

    name: Name


class LogParams(ByName, frozen=True, kw_only=True):
    """lines: the last so many. ended: of the run that ended last, not of the present one."""

    lines: Annotated[int, Meta(ge=1, le=5000)] = 200
    ended: bool = False


class SpanParams(Params, frozen=True, kw_only=True):
    """metrics: names with commas between them; empty for all. since_s: seconds back from now. points: at most."""

    metrics: Names = ""
    since_s: Annotated[float, Meta(gt=0, le=366 * 86_400)] = 3600.0
    points: Annotated[int, Meta(ge=2, le=2000)] = 300


class SeriesParams(SpanParams, frozen=True, kw_only=True):
    """subjects: workloads, host, node or whole, with commas between them; empty for all."""

    subjects: Names = ""


class WorkloadSeriesParams(SpanParams, frozen=True, kw_only=True):
    """As for `/series`, of one workload."""

    name: Name


class OpenParams(Params, frozen=True, kw_only=True):
    """open_only: without those that are over. limit: at most so many."""

    open_only: bool = True
    limit: Limit = 50


class GoalParams(Params, frozen=True, kw_only=True):
    """open_only: without those that are over."""

    open_only: bool = True


class LimitParams(Params, frozen=True, kw_only=True):
    """limit: at most so many."""

    limit: Limit = 50


class DecisionParams(LimitParams, frozen=True, kw_only=True):
    """subject: of this workload only; empty for all."""

    subject: Annotated[str, Meta(max_length=64)] = ""


class TaskListParams(LimitParams, frozen=True, kw_only=True):
    """kind, tag: only such tasks; empty for all."""

    kind: Annotated[str, Meta(max_length=64)] = ""
    tag: Annotated[str, Meta(max_length=64)] = ""


class ById(Params, frozen=True, kw_only=True):
    """An issue: its id, or the beginning of it."""

    id: Id


class ByTask(Params, frozen=True, kw_only=True):
    """A task: its number."""

    id: Annotated[int, Meta(ge=1, le=2**53)]


class ByIssue(Params, frozen=True, kw_only=True):
    """The issue whose remedy waits for a person's word: its id, or the beginning of it."""

    issue: Id


class EventParams(Params, frozen=True, kw_only=True):
    """types, subjects: only these, with commas between them; `process.` stands for all that begin so. Empty for all."""

    types: Names = ""
    subjects: Names = ""


class Why(Params, frozen=True, kw_only=True):
    """why: for the record."""

    why: Note = "asked over HTTP"


class Noted(Params, frozen=True, kw_only=True):
    """note: for the record."""

    note: Note = ""


class PhaseBody(Params, frozen=True, kw_only=True):
    """name: a workload; empty for the node, whose phase no workload goes beyond. phase: null: as the config says."""

    name: Annotated[str, Meta(max_length=64)] = ""
    phase: PhaseName | None


Method = Literal["GET", "POST"]
