"""Faults of a program that takes more than it should: processor, memory, descriptors, threads, zombies, log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import psutil

from actors.faults.fault import Done, Fault, NotWell
from actors.faults.lives import SHOP, nothing, shops
from actors.faults.stand import Stand

Count = Callable[[psutil.Process], float]
QUIET_MAX: Final = 10_000
"""Bytes by which a log may grow within a quarter of a second, and be no flood."""


def _memory(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _cpu(process: psutil.Process) -> float:
    return float(process.cpu_percent(0.25))


def _threads(process: psutil.Process) -> float:
    return float(process.num_threads())


def _fds(process: psutil.Process) -> float:
    return float(process.num_fds())


def _zombies(process: psutil.Process) -> float:
    return float(sum(child.status() == psutil.STATUS_ZOMBIE for child in process.children()))


def _below(count: Count, limit: float, what: str) -> Callable[[Stand], str]:
    def look(stand: Stand) -> str:
        value = count(psutil.Process(stand.pid("shop")))
        if value > limit:
            raise NotWell(f"{what}: {value:.0f}, more than {limit:.0f}")
        return f"{shops(stand)}; {what}: {value:.0f}"

    return look


def _log_is_quiet(stand: Stand) -> str:
    """Whether little is logged, by the size of its log now and a quarter of a second later."""
    text = shops(stand)
    before = _log_size(stand)
    _cpu(psutil.Process(stand.pid("shop")))
    grown = _log_size(stand) - before
    if grown > QUIET_MAX:
        raise NotWell(f"its log grows by {grown / 1e3:.0f} kB within a quarter of a second")
    return f"{text}; its log grows by {grown} bytes"


def _log_size(stand: Stand) -> int:
    return sum(path.stat().st_size for path in (stand.stage.state_dir / "logs").glob("shop*"))


def _limit(name: str, threshold: str, what: str, path: str, look: Callable[[Stand], str]) -> Fault:
    def inject(stand: Stand) -> Done:
        return stand.post("shop", path)

    return Fault(
        name=name,
        what=what,
        workloads=f"{SHOP}  thresholds: {threshold}\n",
        ports=("shop",),
        prepare=nothing,
        look=look,
        inject=inject,
        subjects=("shop",),
        actions=("restart",),
        actions_max=1,
        starts_max=1,
    )


FAULTS: Final[Sequence[Fault]] = (
    _limit(
        "cpu_hog",
        "{cpu: {above: 30%, for: 1s}}",
        "a program computes without end",
        "/hog",
        _below(_cpu, 30, "% of a core"),
    ),
    _limit(
        "memory_leak",
        "{memory: {above: 180MB}}",
        "a program takes more and more memory",
        "/leak",
        _below(_memory, 180e6, "bytes"),
    ),
    _limit("fd_leak", "{fds: {above: 200}}", "files are never closed", "/fds", _below(_fds, 200, "descriptors")),
    _limit(
        "thread_leak",
        "{threads: {above: 150}}",
        "threads are never ended",
        "/threads",
        _below(_threads, 150, "threads"),
    ),
    _limit(
        "zombies",
        "{zombies: {above: 40}}",
        "children are never waited for",
        "/zombies",
        _below(_zombies, 40, "zombies"),
    ),
    Fault(
        name="log_flood",
        what="a program logs as fast as it can",
        workloads=f"{SHOP}  thresholds: {{log_rate: {{above: 500}}}}\n  log: {{max_size: 1MB, keep: 2}}\n",
        ports=("shop",),
        prepare=nothing,
        look=_log_is_quiet,
        inject=lambda stand: stand.post("shop", "/flood"),
        subjects=("shop",),
        actions=("restart",),
        starts_max=1,
    ),
)
