"""Faults as in the other files, in programs that live on: they answer with errors, or only log what is wrong."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Final

import psutil

from actors.faults.fault import Done, Fault, NotWell
from actors.faults.others import expire, tls_files
from actors.faults.stand import Stand

LAZY: Final = """
lazy:                                    # answers 500 and lives on
  command: [$python, -B, lazy.py, "$lazy"]
  stop: {grace: 1s}
  repair:
    modules: {acmelib: {install: [cp, -r, wheelhouse/acmelib, lib/acmelib]}}
    restore: {data.json: backup/data.json}
    cleanup: {paths: ["disk/old-*.log"], keep_free: 20%}
    permissions: {data.json: "0644"}
  probes:
    liveness: {http: "http://127.0.0.1:$lazy/health", every: 500ms}
    work: {http: "http://127.0.0.1:$lazy/work", every: 300ms, timeout: 1s, failures: 2}
"""

LEAKY: Final = """
leaky:
  command: [node, leaky.js, "$leaky"]
  thresholds: {memory: {above: 180MB}}
  probes:
    work: {http: "http://127.0.0.1:$leaky/", every: 500ms}
"""

FETCH: Final = """
fetch:                                   # writes a file; its work is looked at by a program
  command: [node, fetch.js]
  config_files: [fetch.json]
  probes:
    work: {exec: [sh, fresh.sh, fetched], every: 500ms, timeout: 2s, failures: 2}
"""

COURIER: Final = """
courier:                                 # logs the errors of others
  command: [sh, courier.sh]
  repair:
    stale_locks: [lock]
    cleanup: {paths: ["*.old"]}
  probes:
    work: {exec: [sh, fresh.sh, passed], every: 500ms, timeout: 2s, failures: 2}
"""


def _lazy_files(stand: Stand) -> None:
    text = "def render(names):\n    return ', '.join(names)\n"
    stand.write("wheelhouse/acmelib/__init__.py", text)
    stand.write("lib/acmelib/__init__.py", text)
    stand.write("data.json", {"names": ["Ada", "Grace"]})
    stand.write("backup/data.json", {"names": ["Ada", "Grace"]})
    if not stand.fault.disk:
        (stand.directory / "disk").mkdir()


def _lazy_works(stand: Stand) -> str:
    return stand.get("lazy")


def _lose_module(stand: Stand) -> Done:
    shutil.rmtree(stand.directory / "lib" / "acmelib")
    return stand.kill("lazy", "lib/acmelib removed")


def _cut_data(stand: Stand) -> Done:
    done = stand.done("data.json is cut short; the program goes on")
    stand.write("data.json", '{"names": ["Ada", ')
    return done


def _remove_data(stand: Stand) -> Done:
    done = stand.done("data.json is removed; the program goes on")
    (stand.directory / "data.json").unlink()
    return done


def _fill(stand: Stand) -> Done:
    done = stand.done("the disk is full of old logs; the program goes on")
    number = 0
    while True:
        number += 1
        try:
            (stand.disk / f"old-{number}.log").write_bytes(bytes(20_000))
        except OSError:
            return done


def _memory_is_low(stand: Stand) -> str:
    used = psutil.Process(stand.pid("leaky")).memory_info().rss
    if used > 180e6:  # noqa: PLR2004 - its limit
        raise NotWell(f"it has {used / 1e6:.0f} MB")
    return stand.get("leaky", "/")


def _leak(stand: Stand) -> Done:
    done = stand.done("8 MB more are kept ten times a second")
    stand.get("leaky", "/leak")
    return done


def _outside(stand: Stand) -> None:
    port = stand.stage.ports["service"]
    stand.write("fetch.json", {"url": f"http://127.0.0.1:{port}/"})
    stand.helper(sys.executable, "service.py", str(port))


def _outside_tls(stand: Stand) -> None:
    tls_files(stand)
    stand.write("fetch.json", {"url": f"https://localhost:{stand.stage.ports['service']}/"})


def _fetches(stand: Stand) -> str:
    return stand.fresh("fetched", 0.6)


def _wrong_address(stand: Stand) -> Done:
    stand.write("fetch.json", {"url": "http://127.0.0.1:9/"})
    return stand.kill("fetch", "fetch.json names a port where nobody listens")


def _lives(stand: Stand) -> str:
    stand.pid("fetch")
    return "it runs"


def _passes_on(stand: Stand) -> str:
    return stand.fresh("passed", 0.6)


def _letters(stand: Stand) -> Done:
    done = stand.done("for 3 s it logs the errors of others, among them a full disk")
    letters = stand.write("letters", "")
    stand.later(3.0, letters.unlink)
    return done


def _lazy(name: str, what: str, inject: Callable[[Stand], Done], action: str, disk: str = "") -> Fault:
    return Fault(
        name=name,
        what=what,
        workloads=LAZY,
        ports=("lazy",),
        prepare=_lazy_files,
        look=_lazy_works,
        inject=inject,
        subjects=("lazy",),
        actions=(action,),
        disk=disk,
    )


FAULTS: Final[Sequence[Fault]] = (
    _lazy("lazy_module", "a module is gone; only a request needs it", _lose_module, "install_module"),
    _lazy("data_cut", "a data file is cut short under a running program", _cut_data, "restore_file"),
    _lazy("data_gone", "a data file is removed under a running program", _remove_data, "restore_file"),
    _lazy("disk_full_alive", "the disk is full, and the program answers 500", _fill, "clean_up", disk="disk"),
    Fault(
        name="node_leak",
        what="a JavaScript program takes more and more memory",
        workloads=LEAKY,
        ports=("leaky",),
        prepare=lambda _: None,
        look=_memory_is_low,
        inject=_leak,
        subjects=("leaky",),
        actions=("restart",),
        actions_max=1,
        starts_max=1,
        needs=("node",),
    ),
    Fault(
        name="wrong_address",
        what="a config that is sound names an address where nobody listens",
        workloads=FETCH,
        ports=("service",),
        prepare=_outside,
        look=_fetches,
        inject=_wrong_address,
        subjects=("fetch",),
        actions=("put_back_config",),
        needs=("node",),
    ),
    Fault(
        name="certificate_in_log",
        what="only the log of a program says that a certificate has expired",
        workloads=FETCH,
        ports=("service",),
        prepare=_outside_tls,
        look=lambda stand: _lives(stand) if "expired" in stand.notes else _fetches(stand),
        inject=expire,
        subjects=("fetch",),
        must="tell",
        says="certificate",
        actions_max=0,
        starts_max=0,
        needs=("node", "openssl"),
    ),
    Fault(
        name="errors_of_others",
        what="a program that does its work logs the errors of others",
        workloads=COURIER,
        prepare=lambda _: None,
        look=_passes_on,
        inject=_letters,
        subjects=("courier",),
        must="leave",
        watch_s=8.0,
    ),
)
