"""The main thread sleeps until there is something to do, and a signal wakes it wherever it came."""

import os
import signal
import threading

import pytest

from actors.todo import Todo


@pytest.fixture
def todo():
    made: Todo[str] = Todo()
    yield made
    made.close()


def test_what_was_put_before_comes_in_order(todo):
    todo.put("a")
    todo.put("b")
    assert [todo.get(), todo.get()] == ["a", "b"]


def test_one_that_waits_is_woken_by_another_thread(todo):
    putter = threading.Timer(0.05, todo.put, ["a"])
    putter.start()
    assert todo.get() == "a"
    putter.join()


def test_a_signal_that_another_thread_takes_wakes_the_main_one(todo):
    begun = threading.Event()
    over = threading.Event()

    def take_it():
        begun.set()
        over.wait(20)

    other = threading.Thread(target=take_it)
    other.start()
    begun.wait(20)
    assert other.ident
    sender = threading.Timer(0.1, signal.pthread_kill, [other.ident, signal.SIGUSR1])
    with todo.by_signal({signal.SIGUSR1: lambda number, _: todo.put(signal.Signals(number).name)}):
        sender.start()
        assert todo.get() == "SIGUSR1"
    sender.join()
    over.set()
    other.join()


def test_what_the_signals_did_before_is_put_back(todo):
    before = signal.getsignal(signal.SIGUSR1)
    with todo.by_signal({signal.SIGUSR1: lambda _, __: todo.put("a")}):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert todo.get() == "a"
    assert signal.getsignal(signal.SIGUSR1) == before
    rung = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(rung)
    assert rung == -1


def test_it_rings_no_more_once_it_is_closed(todo):
    todo.close()
    todo.put("a")
    todo.close()
    assert todo.get() == "a"
