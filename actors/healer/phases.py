"""Whether a remedy is begun, asked for, or only told: by the phase of automation and the confidence in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from actors.healer.confidence import Confidence
from actors.healer.settings import ConfidenceSettings
from actors.settings import Workload
from actors.settings.healing import PHASES, Phase

Verdict = Literal["act", "watch", "ask", "tell"]
"""watch: act, and what comes back soon speaks against the remedy."""

NODE = ""
"""The node's own entry among phases set at run time."""


def phase_of(workload: Workload, node: Phase, set_now: Mapping[str, Phase]) -> Phase:
    """The phase that holds for a workload.

    node: as the config says. set_now: by name, as set at run time; NODE for the node. What is set for the node at run
    time is also the most that any workload may do.
    """
    own = set_now.get(workload.name) or workload.spec.phase
    most = set_now.get(NODE)
    if most is None:
        return own or node
    return most if own is None else min(own, most, key=PHASES.index)


def gate(phase: Phase, confidence: Confidence, settings: ConfidenceSettings, *, rejected: bool) -> Verdict:
    """What is to be done about a remedy that nobody was asked about yet.

    rejected: the last that a person said of this remedy for such a failure was no.
    """
    if phase == "observe":
        return "tell"
    if phase == "advise" or rejected:
        return "ask"
    if phase == "autonomous" or confidence.value > settings.act:
        return "act"
    if confidence.value > settings.watch:
        return "watch"
    return "watch" if confidence.value > settings.ask and confidence.reversible else "ask"
