"""What a remedy would do now, in one line for people, before it is done. Pure."""

from __future__ import annotations

from actors.healer.remedies import DOWN, Planned, Remedy, Seen, rolled
from actors.settings import Workload


def would(remedy: Remedy, workload: Workload, seen: Seen) -> str:
    """What it would do to which process, file or task."""
    planned = seen.planned.get(remedy.name)
    if isinstance(planned, Planned):
        return planned.says
    name, pid = workload.name, f" (pid {seen.row.pid})" if seen.row.pid else ""
    others = rolled(seen)
    standby = workload.spec.fallback.workload if workload.spec.fallback else ""
    hook = workload.spec.hooks.get(remedy.argument)
    texts = {
        "restart": f"start {name}" if seen.row.state in DOWN else f"stop and start {name}{pid}",
        "signal": f"send SIG{remedy.argument} to {name}{pid}",
        "hook": f"run {' '.join(hook.command)}" if hook else "",
        "end_strays": f"end left-over processes of {name}: {', '.join(map(str, seen.row.strays))}",
        "roll": f"stop and start {', '.join(others)} one after the other",
        "hold": f"stop {name}{pid} and hold it until a person starts it",
        "fallback": f"start {standby} unless it runs, wait until it is ready, then stop {name}{pid} and hold it",
        "task": f"run task {remedy.argument} of the node's config",
        "await_restart": f"wait until its policy has started {name}",
        "wait_dependency": f"wait for {' and '.join(seen.unready)}",
    }
    return texts.get(remedy.verb, "")
