"""The one parameter as it is turned: by command, and read back, until it is where it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from bus.errors import CommandError, Refused
from bus.message import Command
from bus.messages import GetHealth, HealthReport, SamplingInterval, SetSamplingInterval

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
"""Seconds between attempts while the Monitor does not answer, or another value is in force than was set."""


class Hand(Protocol):
    """What the knob needs of its actor: asking another, and calling later."""

    def request(self, command: Command, then: Callable[[Any], None], *, timeout_s: float = 5.0) -> None: ...
    def after(self, delay_s: float, handler: Callable[..., None], *args: Any) -> object: ...


class Knob:
    """The Monitor's sampling interval. value: the last one read or set, in seconds; None before the first."""

    def __init__(self, hand: Hand) -> None:
        self.value: float | None = None
        self._hand = hand
        self._turn = 0

    def read(self, then: Callable[[float], None], wait_s: float = RETRY_FIRST_S) -> None:
        """Read the value and hand it on; tries until the Monitor answers."""

        def answered(outcome: HealthReport | CommandError) -> None:
            if isinstance(outcome, CommandError):
                self._hand.after(wait_s, self.read, then, min(2 * wait_s, RETRY_MAX_S))
                return
            self.value = outcome.sampling_interval_s
            then(self.value)

        self._hand.request(GetHealth(), answered)

    def try_once(self, value: float, why: str, then: Callable[[CommandError | None], None]) -> None:
        """Set the value once; then(None), or the error."""

        def answered(outcome: SamplingInterval | CommandError) -> None:
            if isinstance(outcome, CommandError):
                then(outcome)
                return
            self.value = outcome.interval_s
            then(None)

        self._hand.request(SetSamplingInterval(interval_s=value, why=why), answered)

    def set(self, value: float, why: str, then: Callable[[float, str], None]) -> None:
        """Set the value and read it back: then(value in force, why it is another one or empty).

        Tries until the value is in force or the Monitor refuses it. A later set ends this one.
        """
        self._turn += 1
        self._set(SetSamplingInterval(interval_s=value, why=why), then, self._turn, RETRY_FIRST_S)

    def _set(self, wanted: SetSamplingInterval, then: Callable[[float, str], None], turn: int, wait_s: float) -> None:
        def read(in_force: float, refusal: CommandError | None) -> None:
            if turn != self._turn:
                return
            if in_force == wanted.interval_s:
                then(in_force, "")
            elif isinstance(refusal, Refused):
                then(in_force, f"refused: {refusal}")
            else:
                self._hand.after(wait_s, self._set, wanted, then, turn, min(2 * wait_s, RETRY_MAX_S))

        def tried(refusal: CommandError | None) -> None:
            self.read(lambda in_force: read(in_force, refusal))

        if turn == self._turn:
            self.try_once(wanted.interval_s, wanted.why, tried)
