import os
import socket

import pytest

from actors.notice import Notice


@pytest.fixture
def told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
        way.bind(str(tmp_path / "notify"))
        way.settimeout(10)
        yield lambda: way.recv(4096).decode().split("\n")


def test_a_service_manager_is_told_and_nothing_is_left_for_the_workloads(tmp_path, told):
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000", "PATH": "/bin"}
    notice = Notice(environ)
    assert environ == {"PATH": "/bin"}
    assert notice.watchdog_s == 30.0
    notice.ready("all\nwell")
    assert told() == ["READY=1", "STATUS=all well", f"MAINPID={os.getpid()}"]
    notice.reloading()
    assert told()[0] == "RELOADING=1"
    notice.alive("2 of 2")
    assert told() == ["WATCHDOG=1", "STATUS=2 of 2"]
    notice.stopping("TERM")
    assert told() == ["STOPPING=1", "STATUS=TERM"]


def test_a_watchdog_that_is_meant_for_another_process_is_not_ours(tmp_path, told):
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    assert Notice(environ).watchdog_s is None


def test_a_guard_is_told_by_its_descriptor():
    reading, writing = os.pipe()
    try:
        notice = Notice({"GYROSTAT_GUARD": str(writing)})
        assert not os.get_inheritable(writing)
        notice.ready("")
        notice.stopping("")
        assert os.read(reading, 100) == b"up\ndown\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_where_nobody_listens_nothing_is_told(tmp_path):
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"GYROSTAT_GUARD": "nonsense"}):
        notice = Notice(environ)
        notice.ready("x")
        notice.alive("x")
        notice.stopping("x")
        assert notice.watchdog_s is None
