"""A server that is asked without a pause while it is rolled, scaled, changed, and while its node is killed."""

import collections
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.conftest import until

SERVER = """
import os, signal, socket
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
door = socket.socket(fileno=3)
door.settimeout(0.02)
body = f"{os.environ['GYROSTAT_INSTANCE']} {os.environ['VERSION']} {os.environ['PORT']}".encode()
if os.environ["VERSION"] == "bad":
    raise SystemExit(3)
while not over:
    try:
        link, _ = door.accept()
    except TimeoutError:
        continue
    with link:
        link.settimeout(5)
        got = b"x"
        while got and b"\\r\\n\\r\\n" not in got:
            got += link.recv(4096)
        link.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
"""
CONFIG = """
node: {{name: alpha, state_dir: ./var}}
workloads:
  web:
    command: [{python}, -I, -S, server.py]
    instances: 3
    ports: 7000-7009
    sockets: {{http: "127.0.0.1:{port}"}}
    env: {{VERSION: "{version}"}}
    roll: {{settle: 300ms}}
    restart: {{backoff_first: 50ms, start_limit: 3}}
    tags: [api]
"""


class Load:
    """Requests without a pause. served: how often, by instance, version and port. failed: what went wrong."""

    def __init__(self, port):
        self.served: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        self.over = threading.Event()
        self._port = port
        self._threads = [threading.Thread(target=self._work) for _ in range(2)]
        for one in self._threads:
            one.start()

    def _work(self):
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=20) as link:
                    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    raw = b""
                    while part := link.recv(4096):
                        raw += part
                head, _, body = raw.partition(b"\r\n\r\n")
                fine = head.startswith(b"HTTP/1.1 200") and f"Content-Length: {len(body)}".encode() in head
                (self.served if fine else self.failed)[body.decode()] += 1
            except OSError as error:
                self.failed[repr(error)] += 1

    def stop(self):
        self.over.set()
        for one in self._threads:
            one.join()


@pytest.fixture
def load():
    made = []

    def begin(port):
        made.append(Load(port))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def by_version(one):
    return {key.split()[1] for key in one.served}


def test_not_one_request_fails_through_roll_scale_new_config_bad_config_and_death_of_the_node(site, load):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (site.directory / "server.py").write_text(SERVER)

    def write(version):
        site.write(CONFIG.format(python=sys.executable, port=port, version=version))

    write("1")
    assert site.call("start")[0] == 0
    until(lambda: {row["state"] for row in site.rows().values()} == {"ready"}, "it listens")
    one = load(port)
    until(lambda: {key.split()[0] for key in one.served} == {"1", "2", "3"}, "all three serve")
    assert {tuple(key.split()) for key in one.served} == {(str(n), "1", str(6999 + n)) for n in (1, 2, 3)}

    code, out, err = site.call("restart", "@api")
    assert (code, err) == (0, ""), err
    assert out.startswith("web: restarted 3 in turn, all ready after ")

    assert site.call("scale", "web", "4")[1] == "web: added web-4\n"
    until(lambda: "4 1 7003" in one.served, "the fourth serves")

    write("2")
    assert site.call("reload")[0] == 0
    until(lambda: {f"{n} 2 {6999 + n}" for n in (1, 2, 3, 4)} <= set(one.served), "all serve the new version")

    write("bad")
    assert site.call("reload")[0] == 0
    log = Path(site.directory, "var", "node.log")
    until(lambda: "config.set_back workload=web mode=live instances=web-1" in log.read_text(), "the first is put back")
    until(lambda: {row["state"] for row in site.rows().values()} == {"ready"}, "it serves again")
    until(lambda: "did not get ready" in site.call("reconcile")[1], "people are told that it does not run the config")
    write("3")
    assert site.call("reload")[0] == 0
    until(lambda: {f"{n} 3 {6999 + n}" for n in (1, 2, 3, 4)} <= set(one.served), "all serve the mended version")

    before = {name: row["pid"] for name, row in site.rows().items()}
    os.kill(int(Path(site.directory, "var", "node.pid").read_text()), signal.SIGKILL)
    assert site.call("start")[0] == 0
    until(lambda: {name: row["pid"] for name, row in site.rows().items()} == before, "all four are adopted")
    assert site.call("restart", "web")[0] == 0

    one.stop()
    assert one.failed == {}
    assert by_version(one) == {"1", "2", "3"}
    assert sum(one.served.values()) > 1000
    assert site.call("stop")[0] == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
