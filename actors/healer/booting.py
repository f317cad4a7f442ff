"""Which failures of probes only say that a program is still starting. Pure."""

from __future__ import annotations

from typing import Final

_SILENT: Final = ("refused", "no answer", "timed out", "reset", "no such file")
"""What a probe says when nobody answers yet, in lower case; a wrong answer comes from a program that is up."""
_ASKED: Final = ("liveness", "work")
"""Of readiness nothing is expected before a program is ready; a startup probe has a patience of its own."""


class Booting:
    """What is known of the present life of each process: since when it is, and which of its probes passed.

    Times are monotonic seconds. A process whose start was not seen does not count as starting.
    """

    def __init__(self) -> None:
        self._began_s: dict[str, float] = {}
        self._passed: set[tuple[str, str]] = set()
        self._waits: set[tuple[str, str]] = set()

    def began(self, subject: str, now_s: float) -> None:
        """A life of it begins."""
        self.ended(subject)
        self._began_s[subject] = now_s

    def ended(self, subject: str) -> None:
        """Its life ended."""
        self._began_s.pop(subject, None)
        self._passed = {key for key in self._passed if key[0] != subject}
        self._waits = {key for key in self._waits if key[0] != subject}

    def passed(self, subject: str, probe: str) -> None:
        """The probe passed."""
        self._passed.add((subject, probe))
        self._waits.discard((subject, probe))

    def excuses(self, subject: str, probe: str, detail: str, now_s: float, grace_s: float) -> bool:
        """Whether a probe that failed is no symptom yet: nobody answers, and nobody ever did in this short life."""
        began_s = self._began_s.get(subject)
        if began_s is None or now_s - began_s >= grace_s or probe not in _ASKED or (subject, probe) in self._passed:
            return False
        said = detail.lower()
        excused = any(word in said for word in _SILENT)
        if excused:
            self._waits.add((subject, probe))
        return excused

    def excused(self, subject: str) -> bool:
        """Whether a probe of it failed and was excused, and has not passed since."""
        return any(key[0] == subject for key in self._waits)

    def is_due(self, subject: str, probe: str, now_s: float, grace_s: float) -> bool:
        """Whether what was excused counts now, as the time to start is over. Once."""
        began_s = self._began_s.get(subject)
        if (subject, probe) not in self._waits or (began_s is not None and now_s - began_s < grace_s):
            return False
        self._waits.discard((subject, probe))
        return True
