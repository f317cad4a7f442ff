"""Messages of the Optimizer: changes that stay only when they help."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply, Stream

ExperimentState = Literal["running", "kept", "undone"]


class ExperimentStarted(Fact, frozen=True, kw_only=True):
    """A parameter is tried at another value. objective: what is to become better, in words."""

    kind = "experiment.started"
    stream = Stream.DURABLE
    experiment: str
    parameter: str
    baseline: float
    candidate: float
    objective: str
    why: str


class ExperimentKept(Fact, frozen=True, kw_only=True):
    """The candidate was measured to be better and stays. before and after: the objective under each."""

    kind = "experiment.kept"
    stream = Stream.DURABLE
    experiment: str
    parameter: str
    value: float
    before: float
    after: float


class ExperimentUndone(Fact, frozen=True, kw_only=True):
    """The candidate did not help or did harm; the baseline is back. before and after: the objective under each.

    value: the one in force now: the baseline, or what somebody else chose meanwhile. after: None when not measured.
    """

    kind = "experiment.undone"
    stream = Stream.DURABLE
    experiment: str
    parameter: str
    value: float
    before: float
    after: float | None
    why: str


class ExperimentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment. started_at: Unix seconds."""

    experiment: str
    parameter: str
    baseline: float
    candidate: float
    state: ExperimentState
    before: float
    after: float | None
    why: str
    started_at: float


class ExperimentList(Reply, frozen=True, kw_only=True):
    """Experiments, newest first, and the parameters' values now."""

    experiments: list[ExperimentRow]
    parameters: dict[str, float]


class ListExperiments(Command, frozen=True, kw_only=True):
    """Experiments, newest first."""

    target = "optimizer"
    verb = "list_experiments"
    reply = ExperimentList
    limit: int = 50
