import threading
from functools import partial

from actors.monitor.sources import threads as module
from actors.monitor.sources.threads import Threads


def names():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("test-")}


def test_each_work_has_a_thread_at_once_and_a_free_one_is_used_again(until):
    pool, gate, done = Threads("test"), threading.Event(), []

    def work(number):
        gate.wait(20)
        done.append(number)

    for number in range(5):
        pool.submit(partial(work, number))
    assert len(names()) == 5
    gate.set()
    until(lambda: len(done) == 5)
    until(lambda: pool._idle == 5)
    pool.submit(lambda: done.append(5))
    until(lambda: len(done) == 6)
    assert len(names()) == 5
    pool.close()
    until(lambda: not names())


def test_threads_that_nobody_needs_go(until, monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.05)
    pool, done = Threads("test"), []
    pool.submit(lambda: done.append(1))
    until(lambda: done and not names())
    pool.submit(lambda: done.append(2))
    until(lambda: len(done) == 2)
    pool.close()
    until(lambda: not names())


def test_one_at_work_ends_after_it_when_closed_and_nothing_more_is_begun(until):
    pool, gate, done = Threads("test"), threading.Event(), []

    def work():
        gate.wait(20)
        done.append(1)

    pool.submit(work)
    pool.close()
    pool.submit(lambda: done.append(2))
    gate.set()
    until(lambda: not names())
    assert done == [1]


def test_every_work_of_many_is_done_once(until, monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.001)
    pool, lock, done = Threads("test"), threading.Lock(), []

    def work(number):
        with lock:
            done.append(number)

    for number in range(2000):
        pool.submit(partial(work, number))
    until(lambda: len(done) == 2000)
    assert sorted(done) == list(range(2000))
    pool.close()
    until(lambda: not names())
