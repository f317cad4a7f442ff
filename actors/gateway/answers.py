"""Questions to the actors, from the serving thread: each asked once for all who want to know at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from actors.gateway.feed import Feed
from actors.gateway.fresh import is_fresh
from actors.gateway.problems import Problem, problem_of
from actors.gateway.views import Outcomes
from bus.codec import encode
from bus.errors import CommandError
from bus.message import Command

KEPT_MAX: Final = 500
"""Answers that are kept; the oldest go first."""
BEYOND_S: Final = 2.0
"""Seconds beyond a question's own time after which the actor that asks is itself given up."""

Send = Callable[[Command, float, Callable[[Any], None]], None]
"""Has a question asked: (question, seconds, what is called in the serving thread with the reply or error)."""


class _Kept(msgspec.Struct):
    """An answer, or one that is under way."""

    answer: asyncio.Future[Any]
    at_s: float
    changes: int


class Answers:
    """What actors said lately. Of one event loop.

    monotonic, wall: clocks in seconds.
    """

    def __init__(self, send: Send, feed: Feed, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._send = send
        self._feed = feed
        self._monotonic = monotonic
        self._wall = wall
        self._kept: dict[tuple[type, bytes], _Kept] = {}

    async def ask(self, questions: Mapping[str, Command], timeout_s: float) -> Outcomes:
        """The replies by part; what has none is missing, with the reason. Raises: Problem when nobody asks at all."""
        answers = {part: self._answer(question, timeout_s) for part, question in questions.items()}
        await self._await(set(answers.values()), timeout_s)
        replies: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for part, answer in answers.items():
            outcome = answer.result()
            if isinstance(outcome, Exception):
                missing[part] = f"{questions[part].target}: {outcome}"
            else:
                replies[part] = outcome
        return Outcomes(replies, missing, self._wall())

    async def ask_one(self, question: Command, timeout_s: float) -> Any:
        """The reply. Raises: Problem."""
        answer = self._answer(question, timeout_s)
        await self._await({answer}, timeout_s)
        return _or_raise(answer.result())

    async def act(self, command: Command, timeout_s: float) -> Any:
        """Have something done; what was known is forgotten then. Raises: Problem."""
        answer = self._begin(command, timeout_s)
        try:
            await self._await({answer}, timeout_s)
        finally:
            self.forget()
        return _or_raise(answer.result())

    def forget(self) -> None:
        """Ask anew from now on."""
        self._kept.clear()

    def _answer(self, question: Command, timeout_s: float) -> asyncio.Future[Any]:
        key = (type(question), encode(question))
        now_s, changes = self._monotonic(), self._feed.changes
        kept = self._kept.get(key)
        if kept is not None:
            waiting = not kept.answer.done() and now_s - kept.at_s < timeout_s
            if waiting or is_fresh(now_s - kept.at_s, changed=kept.changes != changes):
                return kept.answer
        self._kept.pop(key, None)
        if len(self._kept) >= KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        answer = self._begin(question, timeout_s)
        self._kept[key] = _Kept(answer, now_s, changes)
        return answer

    def _begin(self, command: Command, timeout_s: float) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def give(outcome: Any) -> None:
            if not answer.done():
                answer.set_result(outcome)

        self._send(command, timeout_s, give)
        return answer

    async def _await(self, answers: set[asyncio.Future[Any]], timeout_s: float) -> None:
        """Without cancelling what others wait for. Raises: Problem."""
        _, late = await asyncio.wait(answers, timeout=timeout_s + BEYOND_S)
        if late:
            self.forget()
            raise Problem(504, "the gateway's own actor gives no answer")


def _or_raise(outcome: Any) -> Any:
    if isinstance(outcome, CommandError):
        raise problem_of(outcome)
    if isinstance(outcome, Exception):
        raise Problem(500, f"{type(outcome).__name__}: {outcome}")
    return outcome
