import os
import socket

import pytest

from bus.addresses import IPC_PATH_BYTES_MAX, Claim, check_address, check_private
from bus.errors import BusError

TCP = [
    ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
    ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
    ("tcp://[::1]:65535", "tcp://[::1]:65535"),
    ("tcp://localhost:5555", "tcp://127.0.0.1:5555"),
    ("tcp://0.0.0.0:5555", "tcp://0.0.0.0:5555"),
    ("tcp://*:5555", "tcp://*:5555"),
    ("tcp://[::]:5555", "tcp://[::]:5555"),
    ("tcp://192.168.1.1:1", "tcp://192.168.1.1:1"),
    ("tcp://beta.example.org:5555", "tcp://beta.example.org:5555"),
    ("tcp://eth0:5555", "tcp://eth0:5555"),
]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("path", ["/run/gyrostat/facts.sock", "/" + "x" * (IPC_PATH_BYTES_MAX - 1)])
def test_ipc_is_permitted_and_needs_no_keys(path, keyed):
    assert check_address(f"ipc://{path}", keyed=keyed) == f"ipc://{path}"


@pytest.mark.parametrize(("address", "taken_as"), TCP)
def test_tcp_is_permitted_with_keys(address, taken_as):
    assert check_address(address, keyed=True) == taken_as


@pytest.mark.parametrize("address", [address for address, _ in TCP])
def test_tcp_without_keys_is_refused_and_the_line_says_how_to_make_them(address):
    with pytest.raises(BusError, match=r"tcp needs keys, on loopback too \(make them with: gyrostat keys new\)"):
        check_address(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "is no address"),
        ("tcp://127.0.0.1", "is no address"),
        ("tcp://127.0.0.1:5555;tcp://1.2.3.4:5", "is no address"),
        ("tcp://1.2.3.4:80;127.0.0.1:5555", "is no address"),
        ("inproc://bus", "is no address"),
        ("pgm://eth0;239.192.1.1:5555", "is no address"),
        ("tcp://127.0.0.1:0", "0 is no port"),
        ("tcp://127.0.0.1:65536", "65536 is no port"),
        ("ipc://facts.sock", "is absolute"),
        ("ipc://@abstract", "is absolute"),
        ("ipc://*", "is absolute"),
        ("ipc:///a\0b", "is absolute"),
        ("ipc:///" + "x" * IPC_PATH_BYTES_MAX, f"at most {IPC_PATH_BYTES_MAX}"),
        ("ipc:///" + "ü" * (IPC_PATH_BYTES_MAX // 2 + 1), f"at most {IPC_PATH_BYTES_MAX}"),
    ],
)
@pytest.mark.parametrize("keyed", [True, False])
def test_anything_else_is_refused(address, why, keyed):
    with pytest.raises(BusError, match=why):
        check_address(address, keyed=keyed)


def test_a_directory_open_to_others_is_refused(run_dir):
    run_dir.chmod(0o750)
    with pytest.raises(BusError, match="has mode 0750; sockets go into one of mode 0700"):
        check_private(run_dir)


def test_a_directory_of_somebody_else_is_refused(run_dir, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(BusError, match=r"not to us \(12345\)"):
        check_private(run_dir)


def test_a_missing_directory_a_file_and_a_link_are_refused(run_dir):
    (run_dir / "file").touch()
    (run_dir / "link").symlink_to(run_dir)
    with pytest.raises(BusError, match="No such file"):
        check_private(run_dir / "missing")
    for name in ("file", "link"):
        with pytest.raises(BusError, match="is no directory"):
            check_private(run_dir / name)


def test_a_claimed_directory_is_refused_to_a_second_and_free_after_the_first(run_dir):
    claim = Claim([run_dir / "one.sock"])
    with pytest.raises(BusError, match=rf"is in use by another bus \(pid {os.getpid()}\)"):
        Claim([run_dir / "two.sock"])
    claim.release()
    claim.release()
    Claim([run_dir / "two.sock"]).release()


def test_a_socket_that_a_dead_owner_left_is_removed(run_dir):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(run_dir / "facts.sock"))
    claim = Claim([run_dir / "facts.sock"])
    assert not (run_dir / "facts.sock").exists()
    claim.release()


def test_something_else_in_the_place_of_a_socket_is_left_alone(run_dir):
    (run_dir / "facts.sock").write_text("precious")
    for _ in range(2):
        with pytest.raises(BusError, match="is there and is no socket"):
            Claim([run_dir / "facts.sock"])
    assert (run_dir / "facts.sock").read_text() == "precious"
