"""The tutorial is carried out as it stands: its files are written, its commands run, and what they say is compared."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
NAMED = re.compile(r"`([\w.]+)`[^`]*:\n\n\Z")
ISSUE = re.compile(r"\bi1[0-9a-z]{10}\b")
LOOKS_S = 60.0
"""Seconds until what a command says has to be what the tutorial says."""


def blocks(text):
    """(language, name of the file or empty, content) of each block."""
    for found in BLOCK.finditer(text):
        name = NAMED.search(text[: found.start()])
        yield found[1], name[1] if name else "", found[2]


def commands(content):
    """(command, what it says) of a console block."""
    for part in ("\n" + content).split("\n$ ")[1:]:
        command, _, said = part.partition("\n")
        yield command, said


def plain(text):
    """The lines without what differs from run to run: ids, times, sizes, pids and directories."""
    text = ISSUE.sub("ID", re.sub(r"/(?:[\w.-]+/)+", "", text))
    text = re.sub(r"\d[\d.:-]*( (ms|s|m|MB|KB|%))?", "#", text)
    return [re.sub(r"\s+", " ", re.sub(r" - ", " # ", line)).strip() for line in text.strip().splitlines()]


def pattern(said):
    """What matches the lines; `...` stands for any."""
    return re.compile("\n".join("(?s:.*?)" if line.endswith("...") else re.escape(line) for line in plain(said)))


class Reader:
    """A person who does what stands there, in a folder of their own and on a free port."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.ids: dict[str, str] = {}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
        self.environ = {**clean, "PATH": path, "COLUMNS": "200"}

    def own(self, text):
        text = text.replace("8080", str(self.port))
        return ISSUE.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def run(self, command):
        done = subprocess.run(
            ["sh", "-c", self.own(command)],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LOOKS_S,
            check=False,
        )
        return done.stdout + done.stderr

    def follow(self, command, said):
        """Run a command until it says what it should; one that does something is run once."""
        if command.startswith("sleep "):
            return
        looks = re.match(r"(curl|cat|gyrostat (status|issues|changes|why|config))\b", command)
        until_s = time.monotonic() + LOOKS_S
        while True:
            answer = self.run(command)
            if pattern(said).fullmatch("\n".join(plain(answer))):
                break
            if not looks or time.monotonic() > until_s:
                pytest.fail(f"{command}: expected\n{said}\ngot\n{answer}")
            time.sleep(0.2)
        self.ids.update(zip(ISSUE.findall(said), ISSUE.findall(answer), strict=False))


def test_the_tutorial_is_true(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reader = Reader(tmp_path, port)
    did = []
    try:
        for language, name, content in blocks(TUTORIAL.read_text()):
            if language == "console":
                for command, said in commands(content):
                    reader.follow(command, said)
                    did.append(command)
            else:
                assert name, f"a block in {language} with no file name before it"
                (tmp_path / name).write_text(reader.own(content))
    finally:
        if did[-1:] != ["gyrostat stop"]:
            reader.run("gyrostat stop")
    assert did[-1] == "gyrostat stop"
