"""Hosts on one machine: network namespaces joined by a bridge that is in a namespace of its own, and a node in each.

Nothing of it is in the machine's own network; when the namespaces go, their links go with them.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from bus.client import connect
from bus.errors import BusError
from bus.keys import KeyStore
from bus.messages import ListNodes, ListProcesses

GYROSTAT = str(Path(sys.executable).with_name("gyrostat"))
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
PATIENCE_S = 40.0
WORKLOADS = "workloads:\n  work: {command: [sleep, '600']}\n"


class NoNamespaces(Exception):
    """This account or kernel does not let us make them."""


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNamespaces(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """A namespace with one address, a directory, and at most one node."""

    def __init__(self, network, number, directory):
        self.name = "abc"[number - 1] + "-host"
        self.space = f"{network.prefix}h{number}"
        self.address = f"10.77.0.{number}"
        self.directory = directory / self.name
        self.directory.mkdir()
        self.state_dir = self.directory / "var"
        self.node: subprocess.Popen[bytes] | None = None
        self._network = network
        self._port = f"v{number}"
        ip("netns", "add", self.space)
        network.spaces.append(self.space)
        ip("link", "add", "eth0", "netns", self.space, "type", "veth", "peer", self._port, "netns", network.switch)
        ip("-n", network.switch, "link", "set", self._port, "master", "br0", "up")
        ip("-n", self.space, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.space, "link", "set", "lo", "up")
        ip("-n", self.space, "link", "set", "eth0", "up")

    def link(self, state):
        """Cut or mend the cable, at the side of the switch."""
        ip("-n", self._network.switch, "link", "set", self._port, state)

    def endpoint(self, key=None):
        ports = {"facts": 7101, "commands": 7102, "replay": 7103}
        found = {name: f"tcp://{self.address}:{port}" for name, port in ports.items()}
        return {**found, "key": key} if key else found

    def up(self):
        """Start the node, with keys and peers in its config."""
        words = ["ip", "netns", "exec", self.space, GYROSTAT, "up", "--quiet"]
        with (self.directory / "out").open("ab") as out:
            self.node = subprocess.Popen(words, cwd=self.directory, stdout=out, stderr=out, env=ENVIRON)

    def ask(self, command, timeout_s=5.0):
        with connect(self.state_dir) as client:
            return client.ask(command, timeout_s)

    def nodes(self):
        """Its table by name; empty while it does not answer."""
        try:
            return {row.name: row for row in self.ask(ListNodes()).nodes}
        except BusError:
            return {}

    def call(self, *words):
        """Run a command in the namespace: (code, stdout, stderr)."""
        argv = ["ip", "netns", "exec", self.space, GYROSTAT, *words]
        done = subprocess.run(
            argv, cwd=self.directory, capture_output=True, text=True, timeout=PATIENCE_S, env=ENVIRON, check=False
        )
        return done.returncode, done.stdout, done.stderr

    @contextlib.contextmanager
    def events(self, *topics):
        """Lines of `events --all --json`, as they come."""
        words = [word for topic in topics for word in ("--topic", topic)]
        argv = ["ip", "netns", "exec", self.space, GYROSTAT, "events", "--all", "--json", *words]
        with subprocess.Popen(argv, cwd=self.directory, stdout=subprocess.PIPE, env=ENVIRON) as process:
            try:
                yield process.stdout
            finally:
                process.kill()

    def workload(self):
        return self.ask(ListProcesses()).processes[0]

    def signal(self, number):
        assert self.node is not None
        self.node.send_signal(number)

    def clean(self):
        """End the node, and whatever runs in the namespace."""
        if self.node is not None and self.node.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.node.send_signal(signal.SIGCONT)
            self.node.terminate()
            try:
                self.node.wait(15)
            except subprocess.TimeoutExpired:
                self.node.kill()
                self.node.wait()


class Network:
    """Three hosts and a switch; clean() leaves no process and no namespace."""

    def __init__(self, directory):
        self.prefix = f"gyro{secrets.token_hex(3)}"
        self.spaces = []
        self.hosts = []
        self.switch = f"{self.prefix}sw"
        try:
            ip("netns", "add", self.switch)
            self.spaces.append(self.switch)
            ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
            ip("-n", self.switch, "link", "set", "br0", "up")
            for number in (1, 2, 3):
                self.hosts.append(Host(self, number, directory))
        except BaseException:
            self.clean()
            raise

    def configure(self):
        """Make keys everywhere, let everybody in everywhere, and write the configs."""
        stores = {host.name: KeyStore(host.state_dir / "keys") for host in self.hosts}
        keys = {name: store.new().public for name, store in stores.items()}
        for host in self.hosts:
            others = [other for other in self.hosts if other is not host]
            for other in others:
                stores[host.name].allow(other.name, keys[other.name], "node")
            node = {
                "name": host.name,
                "state_dir": "./var",
                "listen": host.endpoint(),
                "peers": {other.name: other.endpoint(keys[other.name]) for other in others},
            }
            (host.directory / "gyrostat.yaml").write_text(f"node: {json.dumps(node)}\n{WORKLOADS}")

    def clean(self):
        for host in self.hosts:
            host.clean()
        for space in reversed(self.spaces):
            for pid in ip("netns", "pids", space).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            ip("netns", "delete", space)
        self.spaces.clear()


def wait(condition, what, patience_s=PATIENCE_S):
    """Seconds until the condition held; AssertionError when it never does."""
    began_s = time.monotonic()
    while not condition():
        took_s = time.monotonic() - began_s
        assert took_s < patience_s, f"not within {patience_s:g} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began_s
