"""Output of workloads in the form a person asked for: as it is, with the name before each line, or as JSON. Pure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.cli.paint import Paint

Form = Callable[[str, bytes], bytes]
"""What is written for a line, which is given without its end. Of a name and the line."""


class Lines:
    """Whole lines in a form, from blocks of several logs that may end anywhere. form: None leaves them as they are."""

    def __init__(self, form: Form | None) -> None:
        self._form = form
        self._begun: dict[str, bytes] = {}

    def take(self, name: str, block: bytes) -> bytes:
        """What is to be written by now."""
        if self._form is None:
            return block
        *whole, rest = (self._begun.pop(name, b"") + block).split(b"\n")
        if rest:
            self._begun[name] = rest
        return b"".join(self._form(name, line) for line in whole)

    def rest(self) -> bytes:
        """The lines that have no end."""
        begun, self._begun = self._begun, {}
        return b"".join(self._form(name, line) for name, line in begun.items()) if self._form is not None else b""


def named(paint: Paint) -> Form:
    """`web-1 | the line`."""
    return lambda name, line: paint(f"{name} | ", "dim").encode() + line + b"\n"


def as_object(name: str, line: bytes) -> bytes:
    """`{"workload": NAME, "line": TEXT}`, or `"fields"` for a line that is a JSON object itself."""
    text = line.decode("utf-8", "replace")
    found: dict[str, object] = {"workload": name, "line": text}
    if text.startswith("{"):
        with contextlib.suppress(ValueError):  # begins like one, and is none
            found = {"workload": name, "fields": json.loads(text)}
    return json.dumps(found, ensure_ascii=False).encode() + b"\n"
