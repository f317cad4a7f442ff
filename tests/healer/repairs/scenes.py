"""What a repair is given to look at, made by hand."""

import subprocess
import time
from pathlib import Path

from actors.healer.issues import Cause, Issue
from actors.healer.repair import Scene
from actors.settings import Workload, WorkloadSettings
from actors.settings.repair import Repair
from tests.healer.fakes import row


def scene(directory: Path, repair: Repair, *, text: str = "", failure="unknown", **spec) -> Scene:
    """A workload `api` in that directory that does not run, with an issue about this failure."""
    settings = WorkloadSettings(command=spec.pop("command", ["sleep", "1000"]), repair=repair, **spec)
    issue = Issue(
        issue="i0",
        subject="api",
        kind="crash",
        severity="warning",
        fingerprint="f",
        summary=text,
        first_seen=0.0,
        last_seen=0.0,
        cause=Cause(),
        failure=failure,
    )
    return Scene(
        workload=Workload(name="api", config_name="api", mode="live", spec=settings, cwd=directory, env=settings.env),
        issue=issue,
        row=row("api", state="backing_off", pid=None),
        text=text,
        failure=failure,
        keep=directory / "kept-by-the-node",
        ours={},
        wall_s=time.time(),
    )


def ended_pid() -> int:
    """The pid of a process that has just ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid
