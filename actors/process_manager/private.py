"""A directory of its own for temporary files, in the place of /tmp where that can be done. I/O."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

SHARED: Final = ("/tmp", "/var/tmp")  # noqa: S108 - what is to be hidden
_CLONE_NEWNS: Final = 0x00020000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SLAVE: Final = 1 << 19


def can_hide() -> bool:
    """Tell whether a process can be given another /tmp here."""
    return sys.platform == "linux" and os.geteuid() == 0


def hides(path: str) -> bool:
    """Tell whether a path lies where nothing of the machine is seen any more."""
    real = os.path.realpath(path)
    return any(real == place or real.startswith(f"{place}/") for place in SHARED)


def make_private(directory: str, uid: int | None, gid: int | None) -> None:
    """Make the directory, empty and for one account only; a thread removes what was in it. Raises OSError."""
    if os.path.lexists(directory):
        old = f"{directory}.old"
        shutil.rmtree(old, ignore_errors=True)
        os.rename(directory, old)  # noqa: PTH104
        threading.Thread(target=shutil.rmtree, args=(old,), kwargs={"ignore_errors": True}, daemon=True).start()
    os.makedirs(directory, mode=0o700)  # noqa: PTH103
    if uid is not None or gid is not None:
        os.chown(directory, -1 if uid is None else uid, -1 if gid is None else gid)


def with_private_tmp(directory: str, act: Callable[[], T]) -> T:
    """Do something in a thread that sees the directory as /tmp and /var/tmp; so do the processes it starts.

    Raises: OSError, and what act raises.
    """
    done: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            _hide(directory)
            done.append(act())
        except BaseException as error:  # noqa: BLE001 - handed on to the caller below
            raised.append(error)

    thread = threading.Thread(target=work, name="private-tmp")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return done[0]


def _hide(directory: str) -> None:
    """Give this thread a view of the file system of its own; mounts of the machine still come through."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS), "unshare")
    _check(libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None), "mount")
    held = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        source = f"/proc/self/fd/{held}".encode()  # its name may lie beneath what is hidden first
        for place in SHARED:
            if os.path.isdir(place):  # noqa: PTH112
                _check(libc.mount(source, place.encode(), None, _MS_BIND, None), f"mount {place}")
    finally:
        os.close(held)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"private_tmp: {what}: {os.strerror(code)}")
