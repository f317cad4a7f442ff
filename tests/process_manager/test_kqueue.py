"""The watcher of macOS, on a kqueue that stands in: pidfds and a pipe behind kqueue's own interface."""

import os
import queue
import select
import signal
import subprocess

import pytest

from actors.process_manager.exits import Exit
from actors.process_manager.kqueue import NOTE_EXITSTATUS, KqueueWatcher
from actors.process_manager.processes import ProcFs

TABLE = ProcFs()


class Event:
    def __init__(self, ident, filter, flags=0, fflags=0, data=0):  # noqa: A002 - kqueue's own name
        self.ident, self.filter, self.flags, self.fflags, self.data = ident, filter, flags, fflags, data


class FakeKqueue:
    """What select offers on macOS, as far as the watcher uses it. tells_status: whether NOTE_EXITSTATUS is known."""

    KQ_FILTER_READ, KQ_FILTER_PROC = -1, -5
    KQ_EV_ADD, KQ_EV_ONESHOT = 0x1, 0x10
    KQ_NOTE_EXIT = 0x80000000
    kevent = Event

    def __init__(self, *, tells_status=True):
        self.tells_status = tells_status
        self.asked = []

    def kqueue(self):
        return self.Queue(self)

    class Queue:
        def __init__(self, owner):
            self.owner = owner
            self.poll = select.epoll()
            self.events = {}

        def control(self, changes, count, timeout=0):
            for change in changes or ():
                self.add(change)
            if not count:
                return []
            ready = [self.events[fd] for fd, _ in self.poll.poll(timeout)]
            return [self.told(event, fd) for fd, event in ready]

        def add(self, event):
            if event.filter == FakeKqueue.KQ_FILTER_READ:
                fd = event.ident
            else:
                self.owner.asked.append(event.fflags)
                if event.fflags & NOTE_EXITSTATUS and not self.owner.tells_status:
                    raise OSError(22, "Invalid argument")
                fd = os.pidfd_open(event.ident)  # ProcessLookupError as kqueue raises it
            self.events[fd] = (fd, event)
            self.poll.register(fd, select.EPOLLIN)

        def told(self, event, fd):
            if event.filter == FakeKqueue.KQ_FILTER_READ:
                return event
            self.poll.unregister(fd)
            os.close(fd)
            stat = TABLE.stat(event.ident) if event.fflags & NOTE_EXITSTATUS else None
            status = stat.status if stat is not None else 0
            return Event(event.ident, event.filter, 0, event.fflags, status)

        def close(self):
            for fd, event in self.events.values():
                if event.filter == FakeKqueue.KQ_FILTER_PROC:
                    try:
                        os.close(fd)
                    except OSError:
                        continue
            self.poll.close()


@pytest.fixture
def told():
    return queue.SimpleQueue()


@pytest.fixture
def watch(told, mark):
    made = []

    def make(**options):
        recall = options.pop("recall", lambda *_: None)
        fake = FakeKqueue(**options)
        made.append(KqueueWatcher(lambda key, ended: told.put((key, ended)), TABLE, recall, kqueue=fake))
        return made[-1], fake

    yield make
    for watcher in made:
        watcher.close()
        watcher.close()


def child(script):
    process = subprocess.Popen(["sh", "-c", script])
    process.returncode = 0
    return process.pid


@pytest.mark.parametrize(("script", "ended"), [("exit 3", Exit(exit_code=3)), ("kill -9 $$", Exit(signal="KILL"))])
def test_the_end_of_a_child_is_told_and_the_child_reaped(watch, told, script, ended):
    watcher, fake = watch()
    pid = child(script)
    watcher.watch(pid, "web", child=True)
    assert told.get(timeout=20) == ("web", ended)
    assert fake.asked == [FakeKqueue.KQ_NOTE_EXIT | NOTE_EXITSTATUS]
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_how_one_ended_that_is_no_child_of_ours_is_told_by_the_kernel(watch, told):
    watcher, _ = watch()
    pid = child("exec sleep 1000")
    watcher.watch(pid, "web", child=False)
    os.kill(pid, signal.SIGUSR1)
    assert told.get(timeout=20) == ("web", Exit(signal="USR1"))
    os.waitpid(pid, 0)


def test_where_the_kernel_tells_no_status_the_end_is_told_all_the_same(watch, told):
    watcher, fake = watch(tells_status=False, recall=lambda *_: Exit(exit_code=6))
    pid = child("exec sleep 1000")
    watcher.watch(pid, "web", child=False)
    os.kill(pid, signal.SIGTERM)
    assert told.get(timeout=20) == ("web", Exit(exit_code=6))  # what a guard noted
    assert fake.asked == [FakeKqueue.KQ_NOTE_EXIT | NOTE_EXITSTATUS, FakeKqueue.KQ_NOTE_EXIT]
    os.waitpid(pid, 0)


def test_a_process_that_is_gone_already_is_told_at_once(watch, told):
    watcher, _ = watch()
    pid = child("exit 4")
    os.waitpid(pid, 0)
    watcher.watch(pid, "web", child=False)
    key, _ = told.get(timeout=20)
    assert key == "web"
