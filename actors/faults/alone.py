"""What looks like a fault and passes by itself: nothing is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.faults.fault import Fault
from actors.faults.lives import SHOP, nothing, shops

FAULTS: Final[Sequence[Fault]] = (
    Fault(
        name="error_burst",
        what="forty tracebacks within a moment, then all is well",
        workloads=SHOP,
        ports=("shop",),
        prepare=nothing,
        look=shops,
        inject=lambda stand: stand.post("shop", "/burst"),
        subjects=("shop",),
        must="leave",
        watch_s=8.0,
    ),
    Fault(
        name="spike",
        what="memory and processor are used beyond their limits for half a second",
        workloads=f"{SHOP}  thresholds: {{memory: {{above: 120MB, for: 2s}}, cpu: {{above: 60%, for: 2s}}}}\n",
        ports=("shop",),
        prepare=nothing,
        look=shops,
        inject=lambda stand: stand.post("shop", "/spike"),
        subjects=("shop",),
        must="leave",
        watch_s=8.0,
    ),
    Fault(
        name="one_slow_answer",
        what="one answer comes too late for the probe",
        workloads=SHOP,
        ports=("shop",),
        prepare=nothing,
        look=shops,
        inject=lambda stand: stand.post("shop", "/slow"),
        subjects=("shop",),
        must="leave",
    ),
)
