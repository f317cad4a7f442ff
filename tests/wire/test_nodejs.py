"""The Node.js subscriber of docs/examples, with its own npm packages, at a real node."""

import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
import zmq

from bus.endpoints import endpoints_of, write_endpoints
from bus.message import Stream
from bus.zeromq import Listen
from tests.bus.conftest import PATIENCE_S, make_bus, wait_until
from tests.bus.vocabulary import Moved, Odd, Sampled, Settled

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
SCRIPT = "subscribe.mjs"
FIELDS = ["stream", "epoch", "seq", "id", "source", "type", "time", "subject", "correlationid", "causationid", "data"]

pytestmark = pytest.mark.needs("node", "npm")


@pytest.fixture(scope="module")
def folder():
    """The example with its packages installed. No scripts of the packages are run: they bring their binaries."""
    made = Path(tempfile.mkdtemp(prefix="gyro-npm-"))
    for name in (SCRIPT, "package.json"):
        shutil.copy(EXAMPLES / name, made)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run(npm, cwd=made, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode and not os.environ.get("GYROSTAT_CI"):
        shutil.rmtree(made)
        pytest.skip("NOT RUN (needs npm packages zeromq and @msgpack/msgpack, which npm install did not get)")
    assert not done.returncode, done.stderr
    yield made
    shutil.rmtree(made)


@pytest.fixture
def state_dir():
    made = Path(tempfile.mkdtemp(prefix="gyro-"))
    (made / "run").mkdir(mode=0o700)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def node(state_dir):
    endpoints = endpoints_of(state_dir / "run", node="alpha", epoch=9)
    bus = make_bus("alpha", Listen(endpoints.facts, endpoints.commands), epoch=9)
    write_endpoints(state_dir / "run", endpoints)
    yield bus
    bus.close()


class Script:
    """The subscriber as a process; its lines are read as they come."""

    def __init__(self, folder, *arguments):
        command = ["node", str(folder / SCRIPT), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.complained: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert self.process.stdout
        assert self.process.stderr
        self.pipes = (self.process.stdout, self.process.stderr)
        lines = (self.said, self.complained)
        self.threads = [threading.Thread(target=self._read, args=pair) for pair in zip(self.pipes, lines, strict=True)]
        for thread in self.threads:
            thread.start()

    def _read(self, pipe, lines):
        for line in pipe:
            lines.put(line.rstrip())

    def event(self):
        return json.loads(self.said.get(timeout=PATIENCE_S))

    def close(self):
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()
        for pipe in self.pipes:
            pipe.close()


@pytest.fixture
def listen(folder):
    started = []

    def start(*arguments):
        started.append(Script(folder, *arguments))
        return started[-1]

    yield start
    for script in started:
        script.close()


def subscribed(node, *prefixes):
    wait_until(lambda: {*prefixes} <= node._carrier.subscriptions, "the script to subscribe")


def test_events_arrive_with_every_field_their_stream_and_their_number(listen, node, state_dir):
    script = listen(state_dir)
    subscribed(node, "evt.")
    before = time.time()
    node.publish(Moved(subject="web", step=7, note="é"), source="tests")
    node.publish(Settled(subject="db", step=1), source="tests")
    node.publish(Sampled(subject="web", value=0.25), source="tests")
    node.publish(Moved(subject="web", step=8), source="tests")
    events = [script.event() for _ in range(4)]
    assert all([*event] == FIELDS for event in events)
    first = events[0]
    assert before - 1 <= first.pop("time") <= time.time() + 1
    assert first.pop("id").startswith("alpha.")
    assert first.pop("correlationid")
    assert first == {
        "stream": "facts",
        "epoch": "9",
        "seq": "1",
        "source": "alpha/tests",
        "type": "test.moved.v1",
        "subject": "web",
        "causationid": "",
        "data": {"subject": "web", "step": 7, "note": "é"},
    }
    by_stream = [(event["stream"], event["seq"]) for event in events]
    assert sorted(by_stream) == [("facts", "1"), ("facts", "2"), ("samples", "1"), ("state", "1")]


def test_ten_thousand_events_arrive_once_and_in_order(listen, node, state_dir):
    script = listen(state_dir / "run")
    subscribed(node, "evt.")
    for step in range(10_000):
        node.publish(Moved(subject="web", step=step), source="tests")
    events = [script.event() for _ in range(10_000)]
    assert [event["data"]["step"] for event in events] == [*range(10_000)]
    assert [int(event["seq"]) for event in events] == [*range(1, 10_001)]


def test_topics_select_and_the_file_itself_may_be_named(listen, node, state_dir):
    script = listen(state_dir / "run" / "endpoints.json", "test.moved", "test.odd.alpha.db")
    subscribed(node, "evt.test.moved.", "evt.test.odd.alpha.db")
    node.publish(Settled(subject="web", step=1), source="tests")
    node.publish(Odd(subject="web", anything=1), source="tests")
    node.publish(Odd(subject="db", anything=[1, {"a": None}]), source="tests")
    node.publish(Moved(subject="web", step=2), source="tests")
    events = [script.event() for _ in range(2)]
    assert [(event["type"], event["subject"]) for event in events] == [("test.odd.v1", "db"), ("test.moved.v1", "web")]
    assert events[0]["data"]["anything"] == [1, {"a": None}]


def test_what_is_no_message_of_this_version_is_left_out_and_the_next_one_is_read(listen, folder, state_dir):
    with zmq.Context() as context, context.socket(zmq.XPUB) as rogue:
        address = f"ipc://{state_dir}/run/facts.sock"
        rogue.bind(address)
        (state_dir / "run" / "endpoints.json").write_text(json.dumps({"facts": [address]}))
        script = listen(state_dir)
        assert rogue.recv() == b"\x01evt."
        header = bytes([1, Stream.FACTS, 1, 0]) + (2**63 + 1).to_bytes(8, "little") + (2**53 + 1).to_bytes(8, "little")
        good = b"\x91\x81\xa4type\xa1x"
        bad = [[header], [header, good, b""], [b"\x02" + header[1:], good], [header, b"\xc1"], [header, b"\x90"]]
        for frames in (*bad, [header, good]):
            rogue.send_multipart([b"evt.x.y.z.web", *frames])
        assert script.event() == {"stream": "facts", "epoch": str(2**63 + 1), "seq": str(2**53 + 1), "type": "x"}
        complaints = [script.complained.get(timeout=PATIENCE_S) for _ in bad]
        assert all(line.startswith("left out: ") for line in complaints)
        script.close()


def test_without_a_directory_it_says_how_to_use_it(listen):
    script = listen()
    assert script.process.wait(PATIENCE_S) == 2
    assert script.complained.get(timeout=PATIENCE_S).startswith("usage: node subscribe.mjs ")


def test_the_packages_are_pinned_and_the_example_names_no_other():
    wanted = json.loads((EXAMPLES / "package.json").read_text("utf-8"))["dependencies"]
    assert all(version.replace(".", "").isdigit() for version in wanted.values())
    lines = (EXAMPLES / SCRIPT).read_text("utf-8").splitlines()
    imported = [line.split(" from ")[1].strip("'") for line in lines if line.startswith("import ")]
    assert {name for name in imported if not name.startswith("node:")} == {*wanted}
