"""How many decisions the shipped rules make in a second: what is known of an issue is gathered, and a plan comes out.

Run: .venv/bin/python -P benchmarks/rules.py
"""

from __future__ import annotations

import time
from pathlib import Path

from actors.healer.issues import Cause, Issue
from actors.healer.plans import plan_for
from actors.healer.rulebook import Rulebook
from actors.settings import Hook, Workload, WorkloadSettings
from actors.settings.conditions import VALUES
from actors.settings.rules import shipped_rules

ROUNDS = 40
TRACE = "\n".join(f'  File "app.py", line {number}, in call_{number}' for number in range(150))


def issues() -> list[Issue]:
    """One of every kind and class of failure, with the evidence of a long traceback."""
    return [
        Issue(
            issue="i1",
            subject="api",
            kind=kind,
            severity="warning",
            fingerprint="f",
            summary="exited with code 1 after 2.0 s: OSError: cannot",
            first_seen=0.0,
            last_seen=9.0,
            cause=Cause(metric="memory", value=2.0, limit=1.0),
            evidence=("exited with code 1 after 2.0 s", *[f"log: line {number}" for number in range(5)]),
            failure=failure,
            trace=TRACE,
        )
        for kind in VALUES["kind"]
        for failure in VALUES["failure"]
    ]


def main() -> None:
    """Print decisions a second, and the slowest kind of issue."""
    began_s = time.perf_counter()
    book = Rulebook(shipped_rules(), [], print)
    loaded_ms = (time.perf_counter() - began_s) * 1e3
    spec = WorkloadSettings(command=["sleep", "9"], hooks={"repair": Hook(command=["true"])}, tags=["db", "critical"])
    api = Workload(name="api", config_name="api", mode="live", spec=spec, cwd=Path(), env={})
    made, slowest = 0, (0.0, "")
    began_s = time.perf_counter()
    for issue in issues():
        one_s = time.perf_counter()
        for _ in range(ROUNDS):
            plan_for(issue, api, book)
        made += ROUNDS
        slowest = max(slowest, ((time.perf_counter() - one_s) / ROUNDS, f"{issue.kind}, {issue.failure}"))
    rate = made / (time.perf_counter() - began_s)
    print(f"{len(shipped_rules())} rules, read in {loaded_ms:.0f} ms")
    print(f"{rate:,.0f} decisions/s over {len(issues())} issues; slowest {slowest[0] * 1e6:.0f} us ({slowest[1]})")


if __name__ == "__main__":
    main()
