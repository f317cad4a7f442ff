"""The client's typed methods: every command an operator may send, and the status of everything."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import bus
from bus.client import Client, connect
from bus.errors import NotConnected, UnknownTarget
from bus.messages import COMMANDS, ListProcesses, ProcessTable, RestartProcess
from bus.verbs import by_verb
from tests.bus import verbs_stub
from tests.cli import samples
from tests.cli.conftest import FakeNode

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fake(tmp_path):
    node = FakeNode(tmp_path)
    yield node
    node.close()


def test_a_command_is_a_method_of_its_verb(fake):
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    with bus.connect(fake.state_dir) as client:
        table = client.list_processes(timeout_s=2.0)
    assert isinstance(table, ProcessTable)
    assert fake.asked == [ListProcesses()]


def test_its_fields_are_given_by_name_and_checked(fake):
    fake.answers(RestartProcess, bus.Done(detail="started, pid 7"))
    with connect(fake.state_dir) as client:
        assert client.restart_process(name="web", why="a new certificate").detail == "started, pid 7"
        with pytest.raises(TypeError, match="nmae"):
            client.restart_process(nmae="web")  # type: ignore[call-arg]
        with pytest.raises(UnknownTarget):
            client.list_goals()
        with pytest.raises(AttributeError, match="restart_proces'"):
            _ = client.restart_proces  # type: ignore[attr-defined]
        assert {"restart_process", "status", "ask"} <= set(dir(client))


def test_status_has_every_part_and_names_what_is_missing(fake):
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    with connect(fake.state_dir) as client:
        found = client.status()
    assert found.processes is not None
    assert found.processes.processes[0].name == "web"
    assert found.health is None
    assert found.missing["health"] == "monitor: nobody plays that part"


def test_without_a_place_it_is_the_state_directory_that_a_config_has_by_default(fake, monkeypatch):
    fake.answers(ListProcesses, samples.table())
    monkeypatch.chdir(fake.directory)
    monkeypatch.delenv("GYROSTAT_NODE__STATE_DIR", raising=False)
    with bus.connect() as client:
        assert client.list_processes().processes == []
    monkeypatch.chdir("/")
    monkeypatch.setenv("GYROSTAT_NODE__STATE_DIR", str(fake.state_dir))
    with bus.connect() as client:
        assert client.list_processes().processes == []
    monkeypatch.setenv("GYROSTAT_NODE__STATE_DIR", str(fake.directory / "nowhere"))
    with pytest.raises(NotConnected):
        bus.connect()


def test_every_command_of_an_operator_is_a_method_and_no_method_hides_another():
    assert len(by_verb()) == sum(kind.needs == "operator" for kind in COMMANDS.values())
    assert not by_verb().keys() & set(Client.__dict__)


def test_the_package_has_nothing_but_what_it_says():
    with pytest.raises(AttributeError, match="no attribute 'disconnect'"):
        _ = bus.disconnect


def test_a_client_that_uses_no_method_imports_no_vocabulary():
    code = "import sys, bus.client; print('bus.messages' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_the_types_that_editors_see_are_current():
    assert verbs_stub.STUB.read_text("utf-8") == verbs_stub.text(), "`python -m tests.bus.verbs_stub` writes it anew"


def test_a_type_checker_knows_what_goes_in_and_what_comes_out(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""\
            from bus import connect
            client = connect()
            reveal_type(client.list_processes().processes)
            reveal_type(client.status().health)
            client.restart_process(nmae="web")
            client.signal_process(name="web", signal=9)
            client.no_such_verb()
        """)
    )
    argv = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    said = done.stdout
    assert 'note: Revealed type is "list[bus.messages.process_manager.ProcessRow]"' in said
    assert 'note: Revealed type is "bus.messages.monitor.HealthReport | None"' in said
    assert 'error: Unexpected keyword argument "nmae"' in said
    assert 'Argument "signal" to "signal_process" of "Verbs" has incompatible type "int"; expected "str"' in said
    assert '"Client" has no attribute "no_such_verb"' in said
