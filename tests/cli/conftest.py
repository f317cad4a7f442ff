import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from actors.cli.door import run
from actors.cli.shapes import SHAPES, components
from bus.endpoints import endpoints_of, remove_endpoints, run_dir_for, write_endpoints
from bus.errors import UnknownTarget
from bus.hub import Bus
from bus.message import Command
from bus.messages import COMMANDS
from bus.zeromq import Listen, ZeroMQCarrier

A_LINE_EACH = {"logs", "attach", "events", "up"}
"""Commands whose --json is one document for each line."""


class FakeNode:
    """A real bus over ZeroMQ whose targets give canned answers; notes what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "gyrostat.yaml"
        self.config.write_text("node: {name: alpha}\nworkloads: {}\n")
        self.state_dir = directory / "var"
        self.asked: list[Command] = []
        self._answers: dict[type[Command], Any] = {}
        self.run_dir = run_dir_for(self.state_dir / "run")
        endpoints = endpoints_of(self.run_dir, node="alpha", epoch=7)
        carrier = ZeroMQCarrier(Listen(endpoints.facts, endpoints.commands), node="alpha", epoch=7)
        self.bus = Bus("alpha", epoch=7, monotonic=time.monotonic, wall=time.time, carrier=carrier)
        for target in {target for target, _ in COMMANDS}:
            verbs = {verb: kind for (owner, verb), kind in COMMANDS.items() if owner == target}
            self.bus.serve(target, verbs, self._serve)
        write_endpoints(self.run_dir, endpoints)

    def answers(self, kind, answer):
        """answer: a Reply, a CommandError, or a function of the command that gives one; None: never."""
        self._answers[kind] = answer

    def close(self):
        remove_endpoints(self.run_dir)
        self.bus.close()

    def _serve(self, request):
        command = request.envelope.data
        self.asked.append(command)
        answer = self._answers.get(type(command), UnknownTarget("nobody plays that part"))
        if callable(answer):
            answer = answer(command)
        if answer is not None:
            request.answer(answer)


@pytest.fixture
def fake(tmp_path):
    node = FakeNode(tmp_path)
    yield node
    node.close()


@pytest.fixture
def gyrostat(tmp_path, monkeypatch, capsys):
    """Runs one command in the directory of the config; gives (code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GYROSTAT_")]:
        monkeypatch.delenv(name)

    def call(*args):
        with pytest.raises(SystemExit) as ended:
            run(list(args))
        out, err = capsys.readouterr()
        check_shape(args, out)
        return ended.value.code, out, err

    return call


def check_shape(args, out):
    """Whatever is printed for --json has the shape that actors.cli.shapes, and so docs/cli.md, gives it."""
    words = [word for word in args if not word.startswith("-")]
    name = next((name for name in (" ".join(words[:2]), words[0] if words else "") if name in SHAPES), None)
    if "--json" not in args or name is None or not out:
        return
    schemas, found = components()
    closed = {each: {**schema, "additionalProperties": False} for each, schema in found.items()}
    whole = {"$defs": closed, "anyOf": schemas[name]}
    for document in out.splitlines() if name in A_LINE_EACH else [out]:
        jsonschema.Draft202012Validator(whole).validate(json.loads(document))


@pytest.fixture
def argv():
    """The installed command, as a process of its own."""
    return [sys.executable, "-P", "-m", "actors.cli"]
