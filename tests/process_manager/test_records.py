import os
import subprocess

import pytest

from actors.cli.guard import name_of
from actors.process_manager.exits import Exit, PidfdWatcher
from actors.process_manager.processes import ProcFs
from actors.process_manager.records import Records

TABLE = ProcFs()


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "exits"
    folder.mkdir()
    return folder


def test_what_a_guard_noted_is_found_by_pid_and_start_and_the_last_counts(notes, tmp_path):
    (notes / name_of(os.getpid())).write_text("10 500 0 1.0\n10 501 1792 2.5\n11 700 9 3.0\n10 501 256 4.0\nbroken\n")
    records = Records(tmp_path, TABLE)
    found = records.find(10, 501)
    assert found is not None
    assert (found.exit, found.wall_s) == (Exit(exit_code=1), 4.0)
    assert records.exit(11, 700) == Exit(signal="KILL")
    assert records.exit(11, 701) is None
    assert records.exit(99, None) is None
    assert records.guards() == {os.getpid()}


def test_notes_of_a_guard_that_is_gone_are_read_and_then_removed_those_of_another_boot_only_removed(notes, tmp_path):
    boot = name_of(os.getpid()).split("-")[0]
    (notes / f"{boot}-{os.getpid()}-1").write_text("10 500 768 1.0\n")  # our pid, but another process
    (notes / f"000000000000-{os.getpid()}-2").write_text("10 600 0 1.0\n")
    records = Records(tmp_path, TABLE)
    assert records.exit(10, 500) == Exit(exit_code=3)
    assert records.exit(10, 600) is None
    assert records.guards() == set()
    records.forget()
    assert list(notes.iterdir()) == []


def test_where_no_guard_ever_was_there_is_nothing(tmp_path):
    records = Records(tmp_path, TABLE)
    records.forget()
    assert (records.exit(1, 1), records.guards()) == (None, set())


def test_a_watcher_asks_the_notes_when_the_kernel_no_longer_knows(mark, monkeypatch):
    told = []
    seen = []

    def recall(pid, ticks):
        seen.append((pid, ticks))
        return Exit(exit_code=7)

    monkeypatch.setattr("actors.process_manager.exits.seen_exit", lambda *_: Exit())
    watcher = PidfdWatcher(lambda key, ended: told.append((key, ended)), TABLE, recall)
    process = subprocess.Popen(["sleep", "1000"])
    stat = TABLE.stat(process.pid)
    assert stat is not None
    watcher.watch(process.pid, "web", child=False)
    process.kill()
    process.wait()
    while not told:
        os.sched_yield()
    watcher.close()
    assert (told, seen) == ([("web", Exit(exit_code=7))], [(process.pid, stat.ticks)])
