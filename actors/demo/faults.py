"""The faults, each real: what is done to which program, and how is looked, past the node, whether all is well again."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import psutil
from msgspec import Struct

from actors.demo.outcome import Outcome
from actors.demo.scene import Scene

LOCKED_S: Final = 1.5
"""Seconds that the store's data is in other hands in the fault `dependency`."""
STARTS_MAX: Final = 3
"""Starts of `report` that are no storm, though its dependency fails for LOCKED_S seconds."""
MEMORY_MAX: Final = 120_000_000
CPU_MAX: Final = 30.0
"""The limits of the demo's config, in bytes and in percent of one core."""


class NotYet(Exception):
    """The look finds that not all is well; says what."""


class Injected(Struct, frozen=True):
    """A fault that was done. at_s: monotonic seconds just before. pid, name: what the check needs to know of it."""

    at_s: float
    text: str
    pid: int = 0
    name: str = ""


class Fault(Struct, frozen=True):
    """A fault of the demo. subjects: workloads it concerns, the one that is hurt first.

    check: looks for itself, given what was injected and what was heard; its text, or NotYet or OSError raised.
    """

    name: str
    what: str
    subjects: tuple[str, ...]
    inject: Callable[[Scene], Injected]
    check: Callable[[Scene, Injected, Outcome], str]


def _kill_web(scene: Scene) -> Injected:
    pid = scene.pid("web")
    at_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return Injected(at_s, f"SIGKILL to web (pid {pid})", pid)


def _page_is_right(scene: Scene, *_: object) -> str:
    page = scene.http("GET", scene.stage.url("web", "/web.txt"))
    if page != (scene.stage.directory / "site" / "web.txt").read_bytes():
        raise NotYet("the page differs from the file")
    return f"GET /web.txt: {len(page)} bytes, as in the file"


def _freeze_worker(scene: Scene) -> Injected:
    pid = scene.pid("worker")
    at_s = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    name = f"while-frozen-{pid}.txt"
    (scene.stage.directory / "inbox" / name).write_text("a file that came in while nobody worked\n" * 100)
    return Injected(at_s, f"SIGSTOP to worker (pid {pid}); it lives and does nothing", pid, name)


def _file_was_worked(scene: Scene, injected: Injected, _: Outcome) -> str:
    result = scene.stage.directory / "outbox" / f"{injected.name}.sha256"
    if not result.exists():
        raise NotYet(f"{result.name} is not there")
    text = "a file that came in while nobody worked\n" * 100
    if not result.read_text().startswith(hashlib.sha256(text.encode()).hexdigest()):
        raise NotYet(f"{result.name} holds a wrong checksum")
    return "the file that came in meanwhile has its right checksum"


def _trigger_render(scene: Scene, path: str, text: str) -> Injected:
    pid = scene.pid("render")
    at_s = time.monotonic()
    scene.http("POST", scene.stage.url("render", path))
    return Injected(at_s, f"render (pid {pid}) {text}", pid)


def _leak(scene: Scene) -> Injected:
    return _trigger_render(scene, "/leak", "keeps 120 MB more each second")


def _memory_is_low(scene: Scene, injected: Injected, _: Outcome) -> str:
    pid = _other_pid(scene, "render", injected.pid)
    rss = int(psutil.Process(pid).memory_info().rss)
    if rss > MEMORY_MAX:
        raise NotYet(f"pid {pid} has {rss / 1e6:.0f} MB")
    words = json.loads(scene.http("GET", scene.stage.url("render", "/words/render.txt")))
    return f"pid {pid} has {rss / 1e6:.0f} MB and counts {len(words)} words"


def _hold_port(scene: Scene) -> Injected:
    helper = int(scene.http("POST", scene.stage.url("web", "/helper")))
    scene.pids.add(helper)
    pid = scene.pid("web")
    at_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    text = f"SIGKILL to web (pid {pid}) while its child (pid {helper}, own session) has inherited the port"
    return Injected(at_s, text, helper)


def _port_is_free_of(scene: Scene, injected: Injected, _: Outcome) -> str:
    page = _page_is_right(scene)
    if psutil.pid_exists(injected.pid) and psutil.Process(injected.pid).status() != psutil.STATUS_ZOMBIE:
        raise NotYet(f"the left-over child {injected.pid} still lives")
    return f"child {injected.pid} is gone; {page}"


def _spoil_state(scene: Scene) -> Injected:
    state = scene.stage.directory / "data" / "state.json"
    pid = scene.pid("importer")
    os.kill(pid, signal.SIGSTOP)  # else it might write its good state over ours
    at_s = time.monotonic()
    state.write_text('{"offset": 1')
    os.kill(pid, signal.SIGKILL)
    return Injected(at_s, f"importer's state file cut short, then SIGKILL (pid {pid}): it ends at every start", pid)


def _sum_is_right(scene: Scene, injected: Injected, _: Outcome) -> str:
    data = scene.stage.directory / "data"
    marker = f"after-repair-{injected.pid},1000\n"
    if marker not in (data / "feed.csv").read_text():
        with (data / "feed.csv").open("a") as feed:
            feed.write(marker)
    wanted = sum(int(line.rpartition(",")[2]) for line in (data / "feed.csv").read_text().splitlines())
    found = json.loads((data / "state.json").read_text())["total"]
    if found != wanted:
        raise NotYet(f"the sum is {found}, not {wanted}")
    if not (data / "state.json.bad").exists():
        raise NotYet("the bad state file was not kept")
    return f"new line taken in, the sum is right ({found}); bad file kept aside"


def _lock_store(scene: Scene) -> Injected:
    lock = scene.stage.directory / "data" / "store.lock"
    pid = scene.pid("store")
    at_s = time.monotonic()
    lock.write_text(f"{os.getpid()}\n")
    os.kill(pid, signal.SIGKILL)
    timer = threading.Timer(LOCKED_S, lock.write_text, [f"{pid}\n"])  # the lock of one that is dead
    timer.daemon = True
    timer.start()
    return Injected(at_s, f"SIGKILL to store (pid {pid}), its data in other hands for {LOCKED_S:g} s", pid)


def _report_goes_on(scene: Scene, _: Injected, outcome: Outcome) -> str:
    starts = outcome.starts.get("report", 0)
    if starts > STARTS_MAX:
        raise NotYet(f"report was started {starts} times, more than {STARTS_MAX}")
    greeting = scene.http("GET", scene.stage.url("store", "/keys/greeting"))
    before = int((scene.stage.directory / "data" / "report.txt").read_text())
    end_s = time.monotonic() + 2.0
    pause = threading.Event()
    while (now := int((scene.stage.directory / "data" / "report.txt").read_text() or before)) <= before:
        if time.monotonic() > end_s:
            raise NotYet(f"report stands at {before}")
        pause.wait(0.05)
    return f"store has its keys ({greeting.decode()}), report counts on ({before} -> {now}) after {starts} start(s)"


def _burn(scene: Scene) -> Injected:
    return _trigger_render(scene, "/burn", "begins to compute without end")


def _cpu_is_low(scene: Scene, injected: Injected, _: Outcome) -> str:
    pid = _other_pid(scene, "render", injected.pid)
    cpu = psutil.Process(pid).cpu_percent(0.3)
    if cpu > CPU_MAX:
        raise NotYet(f"pid {pid} takes {cpu:.0f} % of a core")
    return f"pid {pid} takes {cpu:.0f} % of a core"


def _other_pid(scene: Scene, workload: str, before: int) -> int:
    pid = scene.pid(workload)
    if pid == before:
        raise NotYet(f"{workload} is still pid {pid}")
    return pid


FAULTS: Final = (
    Fault("sigkill", "a program is killed", ("web",), _kill_web, _page_is_right),
    Fault("hang", "a program lives and does nothing", ("worker",), _freeze_worker, _file_was_worked),
    Fault("leak", "a program takes more and more memory", ("render",), _leak, _memory_is_low),
    Fault("port", "a left-over child keeps the port of a killed program", ("web",), _hold_port, _port_is_free_of),
    Fault(
        "crash_loop", "a spoilt state file ends a program at every start", ("importer",), _spoil_state, _sum_is_right
    ),
    Fault("dependency", "what a program depends on is away", ("store", "report"), _lock_store, _report_goes_on),
    Fault("cpu", "a program computes without end", ("render",), _burn, _cpu_is_low),
)
"""In the order they are played."""
