"""Settings of the ProcessManager. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from actors.settings import Bytes, Seconds


class ProcessManagerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is the same for every workload; what differs is said at the workload."""

    log_check: Seconds = Seconds(5)
    """Seconds between two looks at the sizes of the log files; a file may pass its max_size by what comes between."""

    log_read_every: Seconds = Seconds(1)
    """Seconds between two looks at the new lines of a log that grows; one that is idle is looked at every log_check,
    but for one with a limit of its own for log_rate or error_rate. At least 0.05."""

    log_read_max: Bytes = Bytes(1 << 20)
    """Bytes of one log that are read in one such look, some 5 ms each; of more only the newest are. 0: no log is read,
    and nobody measures error_rate."""

    evidence_lines: Annotated[int, Meta(ge=0, le=200)] = 20
    """Last lines of its log that are told when a workload ends; a traceback has about as many."""

    evidence_line_size: Bytes = Bytes(4096)
    """Bytes of one such line; what is longer is cut, as a fact travels whole."""

    probe_threads: Annotated[int, Meta(ge=1, le=256)] = 32
    """Probes that may wait for an answer at the same time; threads are made when needed."""

    probe_eager: Seconds = Seconds(0.05)
    """Seconds between two questions to a workload that is not ready yet, growing to the probe's `every`."""

    group_check: Seconds = Seconds(0.01)
    """Seconds until the first look whether the group of an ended process is empty; doubles to 0.25 s."""

    adoption_wait: Seconds = Seconds(2)
    """Seconds that a node waits at most for a process which its forerunner left between fork and exec."""

    stray_grace: Seconds = Seconds(5)
    """Seconds that a left-over process has to end by itself before it gets KILL."""

    cgroups: Literal["limits", "always", "never"] = "limits"
    """Which workloads get control groups: those with limits.memory_max or limits.cpu_quota, all, or none. In one, no
    child is lost sight of, whatever it does; each start takes some 0.1 ms more."""

    cgroup_parent: str | None = None
    """Group beneath which they are made, as /proc/self/cgroup writes it; None: the node's own."""

    memory_check: Seconds = Seconds(5)
    """Seconds between two looks at the memory of workloads that have a limit and no control group."""

    start_retry_max: Seconds = Seconds(30)
    """Seconds between two tries to start a workload whose program, directory or user is not usable."""
