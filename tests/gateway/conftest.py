import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

GYROSTAT = str(Path(sys.executable).with_name("gyrostat"))
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
PATIENCE_S = 40.0
WORKLOADS = """
workloads:
  web:
    command: [sh, -c, "echo hello from web; exec sleep 1000"]
    env: {API_TOKEN: this-is-secret}
  worker:
    command: [sleep, "1000"]
    probes:
      work: {exec: ["true"], every: 1s}
"""


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Node:
    """A real node in a directory of its own, and what it says over HTTP."""

    def __init__(self, folder, gateway="port: 0", workloads=WORKLOADS):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gyrostat.yaml").write_text(f"actors:\n  gateway: {{{gateway}}}\n{workloads}")
        with (folder / "stderr").open("wb") as said:
            self.process = self._start(said)

    def _start(self, said):
        return subprocess.Popen(
            [GYROSTAT, "up"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=ENVIRON,
            start_new_session=True,
        )

    @property
    def log(self):
        path = self.folder / "var/node.log"
        return path.read_text() if path.exists() else ""

    def until(self, true, patience_s=PATIENCE_S):
        end_s = time.monotonic() + patience_s
        while True:
            found = true()
            if found:
                return found
            assert self.process.poll() is None, (self.folder / "stderr").read_text()
            assert time.monotonic() < end_s, f"not within {patience_s} s; the log:\n{self.log[-3000:]}"
            time.sleep(0.02)

    def wait(self):
        """Until it is served and its workloads run."""
        self.url = self.until(self._url)
        self.port = int(self.url.rpartition(":")[2])
        self.token = (self.folder / "var/gateway.token").read_text().strip()
        self.until(self._runs)
        return self

    def ask(self, method, path, body=None, *, token=False, **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given["Authorization"] = f"Bearer {self.token}"
        if body is not None and "Content-Type" not in given:
            given["Content-Type"] = "application/json"
        asked = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            asked.request(method, path, body, given)
            return Answer(asked.getresponse())
        finally:
            asked.close()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, *, token=True, **headers):
        return self.ask("POST", path, body, token=token, **headers)

    def pid_of(self, name):
        return self.get(f"/workloads/{name}").json()["process"]["pid"]

    def open(self):
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)

    def _url(self):
        path = self.folder / "var/run/gateway.json"
        return json.loads(path.read_text())["url"] if path.exists() else None

    def _runs(self):
        rows = self.get("/workloads").json().get("workloads", [])
        return rows and all(row["process"]["state"] == "ready" for row in rows)


@pytest.fixture
def nodes(tmp_path):
    """Starts nodes; each has ended when the test has."""
    found: list[Node] = []

    def start(gateway="port: 0", workloads=WORKLOADS):
        found.append(Node(tmp_path / f"n{len(found)}", gateway, workloads))
        return found[-1]

    yield start
    for one in found:
        one.end()


@pytest.fixture(scope="package")
def node(tmp_path_factory):
    """One node for all tests that leave it as it was."""
    found = Node(tmp_path_factory.mktemp("node"))
    try:
        yield found.wait()
    finally:
        found.end()
