import re
import subprocess
import sys
from pathlib import Path

import pytest

from bus.codec import HEADER
from bus.errors import COMMAND_ERRORS
from bus.message import Stream
from tests.bus.conftest import wait_until
from tests.bus.vocabulary import Moved

ROOT = Path(__file__).resolve().parents[2]
WIRE = (ROOT / "docs" / "wire.md").read_text("utf-8")


def run(script, arguments, node, prefix):
    """The first line a script prints once a fact is published."""
    command = [sys.executable, str(script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}) as program:
        wait_until(lambda: prefix in node._carrier.subscriptions, "the script to subscribe")
        node.publish(Moved(subject="web", step=7), source="x")
        assert program.stdout is not None
        line = program.stdout.readline()
        program.kill()
        return line


def test_the_example_script_needs_only_the_bus_and_prints_what_happens(node, run_dir):
    example = ROOT / "docs" / "examples" / "listen.py"
    lines = example.read_text("utf-8").split('"""')[-1].strip().splitlines()
    assert len(lines) <= 10
    imported = [line.split()[1] for line in lines if line.startswith(("import", "from"))]
    assert imported == ["sys", "bus.subscriber"]
    line = run(example, [str(run_dir), "test.moved"], node, "evt.")
    assert line == "test.moved.v1 web {'subject': 'web', 'step': 7, 'note': ''}\n"


def test_the_documented_reader_in_plain_zeromq_and_msgpack_works(node, run_dir):
    code = re.findall(r"```python\n(.*?)```", WIRE, re.DOTALL)[0]
    assert len(code.splitlines()) <= 15
    script = run_dir / "reader.py"
    script.write_text(code)
    line = run(script, [str(run_dir / "endpoints.json")], node, "evt.")
    assert line == "1 1 1 test.moved.v1 web {'subject': 'web', 'step': 7, 'note': ''}\n"


@pytest.mark.parametrize("error", COMMAND_ERRORS.values(), ids=lambda error: error.code)
def test_every_error_code_is_documented_with_its_class_and_whether_again(error):
    again = "yes" if error.retryable else "no"
    assert f"| `{error.code}` | {error.__name__} | {again} |" in WIRE


def test_the_header_and_the_streams_are_documented():
    assert HEADER.format in WIRE
    assert ", ".join(f"{int(stream)} {stream.name.lower()}" for stream in Stream) in WIRE
