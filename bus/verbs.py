"""Every command as a method of the client: `client.restart_process(name="web")`, typed by verbs.pyi.

The methods are made from the vocabulary when they are asked for, so that a client that uses none of them imports none
of it. verbs.pyi says to editors and type checkers what they take and give; `python -m tests.bus.verbs_stub` makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bus.message import Command
    from bus.status import Status

PATIENCE_S: Final = 5.0
STATUS_S: Final = 3.0
"""Seconds for all answers of a status together; who is later is missing."""


class Verbs:
    """A method for each verb an operator may send, and `status`, which asks several."""

    def status(self, *, timeout_s: float = STATUS_S) -> Status:
        """Ask all actors at once. Raises: NotConnected; who gives no answer in time is named in `missing`."""
        from bus.status import questions, status_of  # noqa: PLC0415 - with it comes the whole vocabulary

        asked = questions()
        outcomes = self.gather(list(asked.values()), timeout_s)
        return status_of(asked, outcomes, self._wall())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of a verb. Raises: AttributeError when there is no such verb."""
        kind = None if name.startswith("_") else by_verb().get(name)
        if kind is None:
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg, name=name, obj=self)

        def ask(*, timeout_s: float = PATIENCE_S, **fields: Any) -> Any:
            return self.ask(kind(**fields), timeout_s)

        ask.__name__, ask.__doc__ = name, kind.__doc__
        return ask

    def __dir__(self) -> list[str]:
        """What there is, for a person at a prompt."""
        return [*super().__dir__(), *by_verb()]


def by_verb() -> dict[str, type[Command]]:
    """Verb -> the command an operator may send; no verb is used by two actors."""
    from bus.messages import COMMANDS  # noqa: PLC0415 - see above

    return {verb: kind for (_, verb), kind in COMMANDS.items() if kind.needs == "operator"}
