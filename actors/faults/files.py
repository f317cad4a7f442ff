"""Faults of what lies on disk: data, locks, permissions, modules, space."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from actors.faults.fault import Done, Fault
from actors.faults.stand import Stand

COUNT: Final = """
count:                                   # Perl, with a pid file of its own making
  command: [perl, count.pl]
  stop: {grace: 1s}
  repair:
    stale_locks: [count.pid]
    directories: [spool]
"""

LEDGER: Final = """
ledger:                                  # SQLite behind HTTP
  command: [$python, ledger.py, "$ledger", --check]
  stop: {grace: 1s}
  repair:
    restore: {state.db: backup/state.db}
    file_holders: {state.db: {command: holder}}
  probes:
    work: {http: "http://127.0.0.1:$ledger/", every: 300ms, timeout: 1s, failures: 2}
"""

INTAKE: Final = """
intake:                                  # adds up what lies in a directory
  command: [$python, intake.py, KIND]
  env: {LC_ALL: C, PYTHONCOERCECLOCALE: "0", PYTHONUTF8: "0"}
  repair:
    inputs: {paths: ["inbox/*.json"]}
"""

REPORT: Final = """
report:                                  # loads its module by name
  command: [$python, -B, report.py, acmelib]
  repair:
    modules: {acmelib: {install: [cp, -r, wheelhouse/acmelib, lib/acmelib]}}
"""

PATCHED: Final = """
report:
  command: [$python, -B, report.py, layout]
  repair:
    sources: ["lib/*.py"]
    apply_patches: true
"""

LOGGER: Final = """
logger:                                  # its own log lies on that disk
  command: [sh, logger.sh]
  log: {max_size: 500kB, keep: 20}
"""

LOG_BLOCKS: Final = 600
"""Blocks of 512 bytes that the log takes when what was rotated is taken out of it."""
LOGS_S: Final = 20.0
"""Seconds in which its log is rotated; it is looked at every 5 s."""

TICK_AS: Final = """
tick:
  command: [sh, tick.sh]
  repair:
    permissions: {tick.conf: "0644"}
"""

WRITER: Final = """
writer:                                  # sh, dd and a small disk
  command: [sh, writer.sh]
  repair:
    cleanup: {paths: ["disk/old-*.log"], keep_free: 20%}
"""


# -- count.pl


def _spool(stand: Stand) -> None:
    (stand.directory / "spool").mkdir()


def _counts(stand: Stand) -> str:
    return stand.fresh("counted", 0.4)


def _remove_spool(stand: Stand) -> Done:
    done = stand.done("spool/ removed")
    shutil.rmtree(stand.directory / "spool", ignore_errors=True)
    if (stand.directory / "spool").exists():
        shutil.rmtree(stand.directory / "spool")
    return done


# -- ledger.py


def _database(stand: Stand) -> None:
    (stand.directory / "backup").mkdir()
    with closing(sqlite3.connect(stand.directory / "state.db")) as database, database:
        database.execute("CREATE TABLE entries(amount INTEGER NOT NULL)")
        database.executemany("INSERT INTO entries VALUES (?)", [(number,) for number in range(1, 500)])
    shutil.copy(stand.directory / "state.db", stand.directory / "backup" / "state.db")


def _books(stand: Stand) -> str:
    return f"the sum is {int(stand.get('ledger', '/', 1.0))}"


def _hold_database(stand: Stand) -> Done:
    holder = stand.helper(sys.executable, "holder.py", "state.db")
    return stand.done(f"holder.py (pid {holder.pid}) takes the database's lock and keeps it")


def _spoil_database(stand: Stand) -> Done:
    done = stand.done("state.db overwritten in place with noise")
    with (stand.directory / "state.db").open("r+b") as file:
        file.write(os.urandom(8192))
    return done


def _cut_database(stand: Stand) -> Done:
    os.truncate(stand.directory / "state.db", 3000)
    return stand.kill("ledger", "state.db cut to 3000 bytes")


# -- intake.py


def _inbox(stand: Stand) -> None:
    for number in range(5):
        stand.write(f"inbox/{number}.json", {"amount": number})


def _letters(stand: Stand) -> None:
    stand.write("inbox/1.txt", "one two three\n")


def _totals(stand: Stand) -> str:
    return stand.fresh("total", 0.4)


def _broken_input(stand: Stand) -> Done:
    done = stand.done("inbox/7.json arrives, cut short")
    stand.write("inbox/7.json", '{"amount": 7, "who": "K')
    return done


def _letter_from_abroad(stand: Stand) -> Done:
    done = stand.done("inbox/2.txt arrives, in UTF-8")
    stand.write("inbox/2.txt", "Grüße aus Köln — žluťoučký kůň\n")
    return done


# -- report.py


def _module(stand: Stand) -> None:
    text = "def render(now):\n    return f'report at {now:.1f}'\n"
    stand.write("wheelhouse/acmelib/__init__.py", text)
    stand.write("lib/acmelib/__init__.py", text)


def _reports(stand: Stand) -> str:
    return stand.fresh("report.txt", 0.4)


def _lose_module(stand: Stand) -> Done:
    shutil.rmtree(stand.directory / "lib" / "acmelib")
    return stand.kill("report", "lib/acmelib removed")


def _layout(stand: Stand) -> None:
    stand.write("lib/layout.py", "import json\n\n\ndef render(now):\n    return json.dumps({'now': now})\n")


def _lose_import(stand: Stand) -> Done:
    stand.write("lib/layout.py", "def render(now):\n    return json.dumps({'now': now})\n")
    return stand.kill("report", "the line `import json` is gone from lib/layout.py")


# -- tick.sh on an account of its own


def _tick_files(stand: Stand) -> None:
    stand.write("tick.conf", "step=2\n")
    if os.geteuid() == 0:
        shutil.chown(stand.directory, "nobody")


def _ticks(stand: Stand) -> str:
    return stand.fresh("ticks", 0.4)


def _forbid(stand: Stand) -> Done:
    (stand.directory / "tick.conf").chmod(0o200)
    return stand.kill("tick", "tick.conf may be read by nobody (0200)")


# -- writer.sh


def _writes(stand: Stand) -> str:
    return stand.fresh("written", 0.8)


def _fill_disk(stand: Stand) -> Done:
    done = stand.done("the disk is full: old logs, and 100 kB that are none")
    _fill(stand.disk / "other", 100_000)
    for number in range(400):
        if not _fill(stand.disk / f"old-{number}.log", 20_000):
            break
    return done


def _logs_on_disk(stand: Stand) -> None:
    (stand.directory / "var").mkdir(mode=0o700)
    (stand.directory / "disk").symlink_to("var/logs")


def _fill_beside_logs(stand: Stand) -> Done:
    log, oldest = stand.disk / "logger.log", stand.disk / "logger.log.5"
    stand.scene.until(lambda: oldest.exists() and log.stat().st_blocks < LOG_BLOCKS, LOGS_S, "its log is rotated")
    done = stand.done("what its rotated logs leave of the disk is filled up")
    number = 0
    while _fill(stand.disk / f"other-{number}", 20_000):
        number += 1
    return done


def _fill(path: Path, size: int) -> bool:
    try:
        path.write_bytes(bytes(size))
    except OSError:
        return False
    return True


FAULTS: Final[Sequence[Fault]] = (
    Fault(
        name="stale_lock",
        what="a pid file of a killed program keeps it from starting",
        workloads=COUNT,
        prepare=_spool,
        look=_counts,
        inject=lambda stand: stand.kill("count"),
        subjects=("count",),
        actions=("clear_lock",),
        needs=("perl",),
    ),
    Fault(
        name="directory_missing",
        what="the directory that a program writes to is gone",
        workloads=COUNT,
        prepare=_spool,
        look=_counts,
        inject=_remove_spool,
        subjects=("count",),
        actions=("make_directory",),
        needs=("perl",),
    ),
    Fault(
        name="sqlite_locked",
        what="another program keeps the lock of the database",
        workloads=LEDGER,
        ports=("ledger",),
        prepare=_database,
        look=_books,
        inject=_hold_database,
        subjects=("ledger",),
        actions=("end_file_holder",),
    ),
    Fault(
        name="sqlite_corrupt",
        what="the database is overwritten with noise while the program runs",
        workloads=LEDGER,
        ports=("ledger",),
        prepare=_database,
        look=_books,
        inject=_spoil_database,
        subjects=("ledger",),
        actions=("restore_file",),
    ),
    Fault(
        name="sqlite_cut",
        what="the database is cut short, and the program ends at its start",
        workloads=LEDGER,
        ports=("ledger",),
        prepare=_database,
        look=_books,
        inject=_cut_database,
        subjects=("ledger",),
        actions=("restore_file",),
    ),
    Fault(
        name="broken_input",
        what="one of the input files is cut short, and the program ends at each",
        workloads=INTAKE.replace("KIND", "json"),
        prepare=_inbox,
        look=_totals,
        inject=_broken_input,
        subjects=("intake",),
        actions=("quarantine_input",),
    ),
    Fault(
        name="encoding",
        what="a text with letters beyond ASCII comes to a program in the C locale",
        workloads=INTAKE.replace("KIND", "text"),
        prepare=_letters,
        look=_totals,
        inject=_letter_from_abroad,
        subjects=("intake",),
        actions=("use_utf8",),
    ),
    Fault(
        name="module_missing",
        what="a module is gone, and may be installed again",
        workloads=REPORT,
        prepare=_module,
        look=_reports,
        inject=_lose_module,
        subjects=("report",),
        actions=("install_module",),
    ),
    Fault(
        name="import_missing",
        what="a line of the program's source is gone: NameError",
        workloads=PATCHED,
        prepare=_layout,
        look=_reports,
        inject=_lose_import,
        subjects=("report",),
        actions=("propose_patch",),
    ),
    Fault(
        name="permission",
        what="a file may not be read any more",
        workloads=TICK_AS + ("  user: nobody\n" if os.geteuid() == 0 else ""),
        prepare=_tick_files,
        look=_ticks,
        inject=_forbid,
        subjects=("tick",),
        actions=("fix_permission",),
    ),
    Fault(
        name="disk_full",
        what="the disk is full, a small one of its own",
        workloads=WRITER,
        prepare=lambda _: None,
        look=_writes,
        inject=_fill_disk,
        subjects=("writer",),
        actions=("clean_up",),
        needs=("unshare",),
        disk="disk",
    ),
    Fault(
        name="disk_full_of_log",
        what="the disk is full, mostly of the program's own rotated log",
        workloads=LOGGER,
        prepare=_logs_on_disk,
        look=_writes,
        inject=_fill_beside_logs,
        subjects=("logger",),
        actions=("rotate_logs",),
        needs=("unshare",),
        disk="var/logs",
    ),
)
