"""A real server of PostgreSQL for tests, and a cable to it that can be pulled out. For @pytest.mark.needs("initdb")."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest


class Server:
    """A server of PostgreSQL on a free port; fast and forgetful, as nothing of it is kept."""

    def __init__(self, directory: Path) -> None:
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("nobody")
            os.chown(directory, owner.pw_uid, owner.pw_gid)
            self._account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self._data = directory / "data"
        self._quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        self._initdb = shutil.which("initdb") or ""
        making = [self._initdb, "-D", str(self._data), "-U", "tester", "-A", "trust", "--no-sync"]
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        subprocess.run(making, check=True, env=environ, **self._quiet, **self._account)
        self._process: subprocess.Popen[Any] | None = None
        self.start()

    def start(self) -> None:
        options = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        program = Path(self._initdb).resolve().with_name("postgres")
        words = (word for name, value in options.items() for word in ("-c", f"{name}={value}"))
        argv = [str(program), "-D", str(self._data), *words]
        self._process = subprocess.Popen(argv, **self._quiet, **self._account, start_new_session=True)
        end_s = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                if self._answers():
                    return
            assert time.monotonic() < end_s, "the server does not come up"
            time.sleep(0.05)

    def stop(self) -> None:
        """As by an operator in a hurry: every connection is cut off."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def new_queue(self) -> str:
        """The address of a database with nothing in it."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.address

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address).close()
        except psycopg.Error:
            return False
        return True

    @property
    def address(self) -> str:
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"


class Cable:
    """Passes connections on to a port of this machine, until they are cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._lock = threading.Lock()
        self._links: list[socket.socket] = []
        self._all: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def cut(self) -> None:
        """Cut every connection off where it is; new ones are passed on."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        while any(thread.is_alive() for thread in self._threads):
            self.cut()
            for thread in self._threads:
                thread.join(0.1)
        for link in self._all:
            link.close()

    def _start(self, work: Any, *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to), 5)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._links += [near, far]
                    self._all += [near, far]
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for link in (source, sink):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def server():
    """In a directory that another account may enter, as a server does not run as root."""
    directory = Path(tempfile.mkdtemp(prefix="gyrostat-postgres-"))
    try:
        made = Server(directory)
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(directory)
