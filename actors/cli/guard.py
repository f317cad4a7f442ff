"""The guard of a node: its parent, which starts it again when it dies, and sees the ends of what it leaves behind.

Linux. A program of its own, `guard.py STATE_DIR PROGRAM ARGUMENT...`, that imports next to nothing and does nothing but
wait. As child subreaper it becomes the parent of the workloads of a node that died, notes how they end in
`<state_dir>/exits`, and only then reaps them, so that the next node knows. Touches processes and that folder.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

TELL = "GYROSTAT_GUARD"
"""Variable with the number of the descriptor on which a node tells its guard what it means to do."""
UP = b"up\n"
"""The node serves."""
DOWN = b"down\n"
"""The node was asked to end, and is not to be started again."""
SERVED = "served"
"""In the same variable, for a guard that begins anew: a node of it has served, so one that fails is tried again."""

SUBREAPER = 36
PARENT_DEATH = 1
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1)
AGAIN = signal.SIGUSR2
"""Asks the guard to begin anew, with the program that lies on the disk by then, when its node has ended."""
NOTES_MAX = 1 << 20
"""Bytes of notes at which the older half is dropped."""
STEADY_S = 10.0
"""Seconds after which a node that died is started again at once."""
DELAY_FIRST_S = 0.2
DELAY_MAX_S = 30.0
LOOK_S = 0.05


class Guard:
    """Runs one node after the other. folder: where the notes go, made by the first one."""

    def __init__(self, state_dir: str, argv: list[str]) -> None:
        self._argv = argv
        self._notes = f"{state_dir}/exits/{name_of(os.getpid())}"
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._node = 0
        self._told = -1
        self._began_s = 0.0
        self._quick = 0
        self._asked = False
        self._again = False
        self._served = os.environ.pop(TELL, "") == SERVED

    def run(self) -> int:
        """Guard until the node has ended for good; its exit code."""
        self._libc.prctl(SUBREAPER, 1, 0, 0, 0)
        for number in FORWARDED:
            signal.signal(number, self._forward)
        signal.signal(AGAIN, self._begin_anew)
        while True:
            self._start()
            status = self._wait()
            code = os.waitstatus_to_exitcode(status)
            told = self._heard()
            if self._again and not self._asked:
                os.environ[TELL] = SERVED
                options = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv)]
                os.execv(sys.executable, [*options, *sys.argv])  # noqa: S606 - we ourselves, anew
            if DOWN in told or self._asked or not self._served:
                return self._end(code if code >= 0 else 128 - code)
            if not self._pause(code):
                return self._end(0)

    def _start(self) -> None:
        reading, writing = os.pipe2(os.O_NONBLOCK)
        os.set_inheritable(reading, False)  # noqa: FBT003 - its signature
        guard = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._libc.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)
            for number in (*FORWARDED, AGAIN):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            environ = {**os.environ, TELL: str(writing)}
            if "WATCHDOG_PID" in environ:  # systemd names its main process, and that is the guard
                environ["WATCHDOG_PID"] = str(os.getpid())
            os.execve(self._argv[0], self._argv, environ)  # noqa: S606
        os.close(writing)
        self._node, self._told, self._began_s = pid, reading, time.monotonic()

    def _wait(self) -> int:
        """Wait for the node, and note the ends of all others; the node's wait status."""
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            if found is None:
                continue
            if found.si_pid != self._node:
                self._note(found.si_pid)
            _, status = os.waitpid(found.si_pid, 0)
            if found.si_pid == self._node:
                self._node = 0
                return status

    def _note(self, pid: int) -> None:
        """Write down how a main process of a workload ended, before it is reaped. A full disk takes no note."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - imports next to nothing
                fields = file.read().rpartition(b")")[2].split()
            if int(fields[3]) != pid:  # leads no session: no main process
                return
            os.makedirs(os.path.dirname(self._notes), exist_ok=True)  # noqa: PTH103, PTH120
            line = b"%d %d %d %.3f\n" % (pid, int(fields[19]), int(fields[49]), time.time())  # noqa: TID251 - for people
            with open(self._notes, "ab") as notes:  # noqa: PTH123
                notes.write(line)
                size = notes.tell()
            if size > NOTES_MAX:
                self._shorten()
        except (OSError, IndexError, ValueError):
            return

    def _shorten(self) -> None:
        with open(self._notes, "rb") as notes:  # noqa: PTH123
            notes.seek(NOTES_MAX // 2)
            notes.readline()
            rest = notes.read()
        with open(f"{self._notes}.new", "wb") as fresh:  # noqa: PTH123
            fresh.write(rest)
        os.replace(f"{self._notes}.new", self._notes)  # noqa: PTH105

    def _heard(self) -> bytes:
        try:
            told = os.read(self._told, 4096)
        except BlockingIOError:
            told = b""
        os.close(self._told)
        self._served = self._served or UP in told
        return told

    def _pause(self, code: int) -> bool:
        """Say what happened, and let a node that dies again and again have time; ends are noted meanwhile.

        Gives whether to go on.
        """
        lived_s = time.monotonic() - self._began_s
        self._quick = 0 if lived_s >= STEADY_S else self._quick + 1
        delay_s = min(DELAY_MAX_S, DELAY_FIRST_S * 2.0 ** (self._quick - 2)) if self._quick > 1 else 0.0
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        when = f"in {delay_s:g} s" if delay_s else "now"
        with contextlib.suppress(OSError):  # nobody listens
            os.write(2, f"gyrostat: the node ended {how} after {lived_s:.1f} s; it is started again {when}\n".encode())
        until_s = time.monotonic() + delay_s
        while not self._asked and time.monotonic() < until_s:
            self._reap()
            select.select((), (), (), LOOK_S)
        return not self._asked

    def _reap(self) -> bool:
        """Note and reap those that have ended; whether there are any children left."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            except ChildProcessError:
                return False
            if found is None:
                return True
            self._note(found.si_pid)
            os.waitpid(found.si_pid, 0)

    def _end(self, code: int) -> int:
        """End with the node; but stay the parent of what it has left running, if nobody waits for us."""
        if not self._reap() or "NOTIFY_SOCKET" in os.environ:
            return code
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        os.chdir("/")
        for number in FORWARDED:
            signal.signal(number, signal.SIG_IGN if number in {signal.SIGINT, signal.SIGHUP} else signal.SIG_DFL)
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                return code
            if found is not None:
                self._note(found.si_pid)
                os.waitpid(found.si_pid, 0)

    def _forward(self, number: int, _: object) -> None:
        if number in {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT}:
            self._asked = True
        if self._node:
            os.kill(self._node, number)

    def _begin_anew(self, *_: object) -> None:
        self._again = True


def name_of(pid: int) -> str:
    """`BOOT-PID-TICKS`: names a process for all time. Raises: OSError."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
        boot = file.read().strip().replace("-", "")[:12]
    with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
        ticks = int(stat.read().rpartition(b")")[2].split()[19])
    return f"{boot}-{pid}-{ticks}"


if __name__ == "__main__":
    sys.exit(Guard(sys.argv[1], sys.argv[2:]).run())
