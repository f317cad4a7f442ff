import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

GYROSTAT = str(Path(sys.executable).with_name("gyrostat"))
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
PATIENCE_S = 30.0


class Site:
    """A directory with a config; runs commands there, and ends whatever was started there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "gyrostat.yaml"
        self.nodes: list[subprocess.Popen[str]] = []
        self.environ = dict(ENVIRON)

    def write(self, text):
        self.config.write_text(text)

    def call(self, *args, timeout_s=PATIENCE_S):
        """Run one command to its end: (code, stdout, stderr)."""
        done = subprocess.run(
            [GYROSTAT, *args],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environ,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def up(self, *args):
        """A node in the foreground; its stream is what is read from stdout."""
        node = subprocess.Popen(
            [GYROSTAT, "up", *args],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
            start_new_session=True,
        )
        self.nodes.append(node)
        return node

    def status(self):
        code, out, err = self.call("status", "--json")
        assert code == 0, err
        return json.loads(out)

    def rows(self):
        return {row["name"]: row for row in self.status()["processes"]["processes"]}

    def processes(self):
        """Every living process that a node of this directory started, or that is one."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.cwd() == str(self.directory) and process.status() != psutil.STATUS_ZOMBIE
                if ours and ("GYROSTAT_TOKEN" in process.environ() or is_node(process)):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def clean(self):
        for node in self.nodes:
            if node.poll() is None:
                node.send_signal(signal.SIGTERM)
                try:
                    node.wait(10)
                except subprocess.TimeoutExpired:
                    node.kill()
            node.communicate()
        self.call("stop")  # one in the background
        while left := self.processes():
            nodes = [process for process in left if is_node(process)]
            for process in nodes or left:  # nodes first, as they start their workloads again
                with contextlib.suppress(psutil.Error):
                    process.kill()


def is_node(process):
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return "actors.cli" in command or GYROSTAT in command


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path.resolve())
    yield site
    site.clean()


def read_until(stream, text):
    """Lines of a stream up to the one that holds a text. The node ends the stream when it ends."""
    lines = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    pytest.fail(f"never said: {text}\n" + "\n".join(lines))


def until(true, what):
    end_s = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < end_s, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)
    return found
