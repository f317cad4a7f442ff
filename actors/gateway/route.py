"""What a route is: what it takes, which questions it asks, what it answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from actors.gateway import params, views
from bus.message import Command, Reply
from bus.messages import (
    ExplainIssue,
    ExplainTask,
    ListProcesses,
)

ANSWER_S: Final = 5.0
"""Seconds that an actor has for a question."""
ACTION_S: Final = 60.0
"""Seconds that an action may take until it is answered that it goes on: a stop waits out its grace."""

Questions = Mapping[str, Command]
Ask = Callable[[Any, Any], Questions]
"""The questions by part, from the parameters and the body."""


class Before(Struct, frozen=True):
    """What has to be there for a request to make sense; else it is answered 404.

    ask: the question about it, whose refusal says that it is not there. there: whether the reply shows it.
    """

    ask: Callable[[Any], Command]
    there: Callable[[Any, Any], bool] = lambda _params, _reply: True
    what: str = ""


def _nothing(_given: Any, _body: Any) -> Questions:
    return {}


class Route(Struct, frozen=True, kw_only=True):
    """One thing that can be asked or done.

    name: of the operation, for programs. params: of path and query together. ask: nothing for what the Gateway itself
    knows. join: what is answered; None: the reply to the one question as it is. answer: its type; None where
    media says it all. needed: parts without which there is no answer.
    """

    path: str
    name: str
    tag: str
    summary: str
    method: params.Method = "GET"
    params: type[Struct] = params.Params
    body: type[Struct] | None = None
    answer: type[Struct] | None = None
    media: str = "application/json"
    ask: Ask = _nothing
    join: Callable[[Any, views.Outcomes], Reply] | None = None
    before: Before | None = None
    needed: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    timeout_s: float = ANSWER_S

    @property
    def of_its_own(self) -> bool:
        """Whether no actor is asked."""
        return self.ask is _nothing


def words(text: str) -> list[str]:
    """`a,b` as a list."""
    return [each for each in text.split(",") if each]


def one(make: Callable[[Any, Any], Command]) -> Ask:
    """For a route whose answer is the reply to one question, as it is."""
    return lambda given, body: {"reply": make(given, body)}


def _has_workload(given: Any, table: Any) -> bool:
    return views.process_of(table, given.name) is not None


WORKLOAD: Final = Before(lambda _: ListProcesses(), _has_workload, "no such workload")
ISSUE: Final = Before(lambda given: ExplainIssue(issue=given.id), what="no such issue")
ASKED: Final = Before(lambda given: ExplainIssue(issue=given.issue), what="no such issue")
TASK: Final = Before(lambda given: ExplainTask(task=given.id), what="no such task")
