import json
import os
import signal
import subprocess
from pathlib import Path

import psutil

from tests.e2e.conftest import ENVIRON, GYROSTAT, read_until, until


def of_demo(directory):
    """Living processes whose directory is the demo's."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(directory)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def start_demo(tmp_path, *args):
    environ = {**ENVIRON, "TMPDIR": str(tmp_path)}
    return subprocess.Popen(
        [GYROSTAT, "demo", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        start_new_session=True,
    )


def test_the_demo_heals_real_faults_and_leaves_nothing_behind(tmp_path):
    with start_demo(tmp_path, "--only", "sigkill", "--only", "crash_loop", "--json") as demo:
        out, told = demo.communicate(timeout=90)
    assert demo.returncode == 0, told
    result = json.loads(out)
    assert [outcome["fault"] for outcome in result["outcomes"]] == ["sigkill", "crash_loop"]
    assert all(outcome["healed"] and outcome["resolved_s"] > outcome["seen_s"] for outcome in result["outcomes"])
    assert result["outcomes"][1]["decided"] == "hook:repair"
    assert result["outcomes"][1]["check"]
    assert list(tmp_path.iterdir()) == []
    assert of_demo(tmp_path) == []


def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path):
    with start_demo(tmp_path) as demo:
        lines = read_until(demo.stdout, "injected")
        directory = Path(lines[0].rpartition(" ")[2])
        assert of_demo(directory)
        os.kill(demo.pid, signal.SIGINT)
        _, err = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert err == ""
    assert not directory.exists()
    until(lambda: not of_demo(directory), "nothing is left")


def test_the_demo_lists_its_faults(tmp_path):
    with start_demo(tmp_path, "--list") as demo:
        out, _ = demo.communicate(timeout=30)
    assert [line.split()[0] for line in out.splitlines()] == [
        "sigkill",
        "hang",
        "leak",
        "port",
        "crash_loop",
        "dependency",
        "cpu",
    ]
