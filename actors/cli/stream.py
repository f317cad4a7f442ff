"""The live stream: one line per fact, with what led to it. Pure but for the local time zone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from actors.cli.paint import Paint
from actors.cli.place import SOURCE
from actors.cli.said import Said
from actors.cli.words import say

REMEMBERED: Final = 2000
"""Facts whose words are kept, so that a later one can name its cause."""
SUBJECT_WIDTH: Final = 12


class Teller:
    """Turns facts into lines and remembers what they said, for those they lead to."""

    def __init__(self, paint: Paint, *, name_nodes: bool = False) -> None:
        """name_nodes: say with each fact which node it is of."""
        self._paint = paint
        self._name_nodes = name_nodes
        self._told: OrderedDict[str, str] = OrderedDict()

    def line(self, envelope: Any, data: Mapping[str, Any]) -> str:
        """One fact as a line. envelope: of either kind, with time, subject, type and ids. data: the fact's fields."""
        said = say(envelope.type, data)
        self.note(envelope, said)
        because = said.why or self._cause(envelope)
        clock = datetime.fromtimestamp(envelope.time).astimezone().strftime("%H:%M:%S.%f")[:-3]
        node = f"{envelope.source.partition('/')[0]}/" if self._name_nodes else ""
        subject = self._paint(f"{node + envelope.subject:<{SUBJECT_WIDTH}}", "bold")
        reason = self._paint(f"  <- {because}", "dim") if because else ""
        return f"{self._paint(clock, 'dim')}  {subject}  {self._paint(said.text, said.tone)}{reason}"

    def note(self, envelope: Any, said: Said | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Remember a fact that is not shown, as a later one may be because of it."""
        text = (said or say(envelope.type, data or {})).text
        self._told[envelope.id] = f"{envelope.subject} {text}"
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def _cause(self, envelope: Any) -> str:
        told = self._told.get(envelope.causationid)
        if told:
            return told if len(told) <= 100 else f"{told[:97]}..."  # noqa: PLR2004 - a line is to stay a line
        return "asked on the command line" if envelope.causationid.startswith(f"{SOURCE}.") else ""
