"""`gyrostat doctor`: what the numbers mean, and planted faults that it finds on this machine."""

import json
import os
import resource
import socket
import stat
import subprocess
import sys

import pytest

from actors.cli.checkup import machine, verdicts
from actors.cli.checkup.finding import Finding

CONFIG = """\
node: {name: alpha}
actors: {gateway: {enabled: false}}
workloads:
  web: {command: [sleep, "1000"]%s}
"""
GB = 10**9


@pytest.fixture
def config(tmp_path):
    def write(more=""):
        (tmp_path / "gyrostat.yaml").write_text(CONFIG % more)

    write()
    return write


def findings(gyrostat):
    """By check; of several the worst. And the exit code."""
    code, out, _ = gyrostat("doctor", "--json")
    order = ("ok", "warn", "bad")
    found = sorted(json.loads(out)["findings"], key=lambda one: order.index(one["state"]))
    return {one["check"]: one for one in found}, code


# -- verdicts


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (verdicts.python((3, 11, 0), []), "ok"),
        (verdicts.python((3, 10, 9), []), "bad"),
        (verdicts.python((3, 12, 0), ["pyzmq"]), "bad"),
        (verdicts.files(1024, 4096, 10), "ok"),
        (verdicts.files(-1, -1, 10_000), "ok"),
        (verdicts.files(1024, 100_000, 1000), "bad"),
        (verdicts.files(1024, 1024, 1000), "bad"),
        (verdicts.processes(100, 60, 30), "ok"),
        (verdicts.processes(100, 90, 30), "bad"),
        (verdicts.processes(-1, 90, 30), "ok"),
        (verdicts.disk("/d", 50 * GB, 100 * GB, -1, 0), "ok"),
        (verdicts.disk("/d", 10**6, 100 * GB, -1, 0), "bad"),
        (verdicts.disk("/d", 50 * GB, 100 * GB, 10, 0), "bad"),
        (verdicts.disk("/d", 50 * GB, 100 * GB, 10**6, 60 * GB), "warn"),
        (verdicts.disk("/d", 4 * GB, 100 * GB, 10**6, 0), "warn"),
        (verdicts.memory(50 * GB, 100 * GB), "ok"),
        (verdicts.memory(GB, 100 * GB), "warn"),
        (verdicts.file_system("/d", "ext4"), "ok"),
        (verdicts.file_system("/d", "nfs4"), "bad"),
        (verdicts.clock(True, 0.0, 2026, 2026), "ok"),
        (verdicts.clock(None, 0.0, 2027, 2026), "ok"),
        (verdicts.clock(False, 0.0, 2026, 2026), "warn"),
        (verdicts.clock(True, -30.0, 2026, 2026), "bad"),
        (verdicts.clock(True, 0.0, 1970, 2026), "bad"),
        (verdicts.groups(2, ["memory", "cpu"], ["memory"]), "ok"),
        (verdicts.groups(2, [], []), "ok"),
        (verdicts.groups(2, ["cpu"], ["cpu", "memory"]), "warn"),
        (verdicts.groups(0, [], ["cpu"]), "warn"),
    ],
)
def test_a_number_means_this_and_what_is_not_well_has_a_cure(finding, state):
    assert isinstance(finding, Finding)
    assert finding.state == state
    assert bool(finding.cure) == (state != "ok")


def test_a_secret_that_others_can_read_is_told():
    assert verdicts.secret("/k", 0o100600) is None
    found = verdicts.secret("/k", 0o100640)
    assert found is not None
    assert found.cure == "chmod 600 /k"


# -- on this machine


def test_every_check_is_made_and_nothing_stays(gyrostat, config, tmp_path):
    found, _ = findings(gyrostat)
    assert {
        *("config", "state directory", "disk", "file system", "clock", "node", "sockets", "permissions", "ports"),
        *("python", "open files", "processes", "memory"),
    } <= found.keys()
    if sys.platform == "linux":
        assert {"control groups", "kernel"} <= found.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["gyrostat.yaml"]


def test_each_finding_that_is_not_well_is_told_with_its_cure(gyrostat, config):
    config(", ports: 1-2, instances: 5")
    code, out, _ = gyrostat("doctor")
    assert code == 1
    lines = out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("config"))
    assert "bad" in lines[at]
    assert lines[at + 1] == "  -> mend it; gyrostat config check names all"


def test_no_config_is_told_with_the_way_to_one(gyrostat, tmp_path):
    found, code = findings(gyrostat)
    assert code == 1
    assert found["config"]["cure"] == "gyrostat config init"
    assert found["python"]["state"] == "ok"


def test_a_port_that_somebody_has_is_found_with_its_holder(gyrostat, config):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        config(f", sockets: {{http: '127.0.0.1:{port}'}}")
        found, code = findings(gyrostat)
    assert code == 1
    assert found["ports"]["found"].startswith(f"127.0.0.1:{port} of web is taken by ")
    assert f"(pid {os.getpid()})" in found["ports"]["found"]
    found, _ = findings(gyrostat)
    assert found["ports"]["state"] == "ok"


def test_a_port_that_the_node_can_do_without_is_a_warning(gyrostat, tmp_path):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        (tmp_path / "gyrostat.yaml").write_text(f"actors: {{gateway: {{port: {port}}}}}\n")
        found, code = findings(gyrostat)
    assert (found["ports"]["state"], code) == ("warn", 0)
    assert found["ports"]["cure"] == "end it, or set actors.gateway.port"


def test_a_state_directory_that_is_a_file_or_open_to_all_is_found(gyrostat, config, tmp_path):
    state = tmp_path / "var"
    state.write_text("")
    found, code = findings(gyrostat)
    assert code == 1
    assert f"{state}" in found["config"]["found"]  # the config already says so
    state.unlink()
    state.mkdir()
    state.chmod(0o777)
    found = findings(gyrostat)[0]["state directory"]
    assert (found["state"], found["cure"]) == ("bad", f"chmod o-w {state}")


def test_a_key_that_others_can_read_is_found(gyrostat, config, tmp_path):
    assert gyrostat("keys", "new")[0] == 0
    assert findings(gyrostat)[0]["permissions"]["state"] == "ok"
    own = tmp_path / "var" / "keys" / "own.json"
    own.chmod(0o644)
    found, code = findings(gyrostat)
    assert (found["permissions"]["state"], code) == ("bad", 1)
    assert found["permissions"]["cure"] == f"chmod 600 {own}"
    assert stat.S_IMODE(own.stat().st_mode) == 0o644  # it says the cure and does not do it


def test_a_low_limit_of_open_files_is_found(config, tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "actors.cli", "doctor", "--json"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    found = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert found["open files"]["state"] == "bad"
    assert "the node needs about 136" in found["open files"]["found"]


def test_a_node_that_runs_is_told_and_its_ports_are_not_taken_for_somebody_elses(gyrostat, fake):
    found, _ = findings(gyrostat)
    assert found["node"]["state"] in {"ok", "bad"}  # the one of this test answers no question about itself
    assert "ports" not in found


def test_the_kernel_says_whether_somebody_keeps_its_clock():
    assert machine.synchronized() in {True, False, None}


def test_missing_packages_are_told_by_name(monkeypatch):
    assert machine.missing_packages() == []
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["no-such-thing>=1", "click>=8", "x; extra == 'y'"])
    assert machine.missing_packages() == ["no-such-thing"]
