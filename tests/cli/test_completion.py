"""What a shell completes: asked as the scripts ask, and typed into real shells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.completion import SHELLS, VARIABLE
from actors.cli.door import COMMANDS, GROUPS
from bus.messages import ApprovalList, ListApprovals, ListIssues, ListProcesses
from tests.cli import samples
from tests.cli.terminal import Terminal

CONFIG = """\
node: {name: alpha, peers: {beta: {commands: "ipc:///nowhere"}}}
workloads:
  web: {command: [sleep, "1"]}
  worker: {command: [sleep, "1"]}
tasks:
  fill_day: {command: [sleep, "1"]}
"""


def completed(folder, *words):
    """What is offered for the last word."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")},
        VARIABLE: "bash_complete",
        "COMP_WORDS": " ".join(["gyrostat", *words]),
        "COMP_CWORD": str(len(words)),
    }
    argv = [sys.executable, "-P", "-m", "actors.cli"]
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("sta",), ["start", "status"]),
        (("config", ""), ["check", "diff", "explain", "init", "schema", "show"]),
        (("tasks", "re"), ["retry"]),
        (("status", "--js"), ["--json"]),
        (("restart", "w"), ["web", "worker"]),
        (("restart", "web", "wo"), ["worker"]),
        (("-c", "gyrostat.yaml", "why", "we"), ["web"]),
        (("phase", "a"), ["advise", "act", "autonomous"]),
        (("tasks", "add", ""), ["fill_day"]),
        (("status", "--node", ""), ["beta"]),
        (("completion", ""), list(SHELLS)),
        (("config", "explain", "workloads.*.restart.back"), [
            "workloads.*.restart.backoff_first", "workloads.*.restart.backoff_max",
        ]),
        (("keys", "revoke", ""), []),
        (("nonsense", "--x"), []),
    ],
)  # fmt: skip
def test_words_are_completed_without_a_node(place, words, wanted):
    assert completed(place, *words) == wanted


def test_every_command_is_offered_without_being_imported(place):
    assert completed(place, "") == list(COMMANDS)


def test_nothing_is_offered_and_nothing_said_where_there_is_no_config(tmp_path):
    assert completed(tmp_path, "restart", "") == []


def test_a_running_node_is_asked_for_names_tags_and_ids(fake):
    fake.answers(ListProcesses, samples.table(samples.process("web-1", workload="web", instance=1, tags=["api"])))
    fake.answers(ListIssues, samples.NO_ISSUES)
    fake.answers(ListApprovals, ApprovalList(approvals=[]))
    assert completed(fake.directory, "restart", "") == ["web-1", "web", "@api"]
    assert completed(fake.directory, "issues", "") == []
    assert completed(fake.directory, "approve", "") == []


def test_every_command_stands_in_one_group_of_the_help():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(set(grouped))
    assert set(COMMANDS) >= set(grouped)


@pytest.fixture
def door(place, monkeypatch):
    """`gyrostat` on PATH, and a home that is empty."""
    folder = place / "bin"
    folder.mkdir()
    script = folder / "gyrostat"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m actors.cli "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / ".config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(place / ".local"))
    for name in [name for name in os.environ if name.startswith("GYROSTAT_")]:
        monkeypatch.delenv(name)
    for shell in SHELLS:
        text = subprocess.run([script, "completion", shell], check=True, capture_output=True, text=True).stdout
        (place / f"script.{shell}").write_text(text)
    return place


STARTS = {
    "bash": "bash --norc --noprofile -i",
    "zsh": "zsh -f -i",
    "fish": "fish --no-config --private",
}
LOADS = {
    "bash": "PS1='> '; source ./script.bash; echo rea''dy",
    "zsh": "PS1='> '; autoload -Uz compinit; compinit -u -D; source ./script.zsh; echo rea''dy",
    "fish": "source ./script.fish; echo rea''dy",
}


@pytest.fixture
def terminal(door):
    made = Terminal(door)
    yield made
    made.close()


@pytest.mark.needs("tmux")
@pytest.mark.parametrize("shell", [pytest.param(each, marks=pytest.mark.needs(each)) for each in SHELLS])
def test_a_real_shell_completes_commands_options_and_workloads(terminal, shell):
    terminal.run(STARTS[shell])
    terminal.keys(LOADS[shell], "Enter")
    terminal.wait("ready")
    terminal.keys("gyrostat undr", "Tab")
    terminal.wait("gyrostat undrain")
    terminal.keys("C-u")
    terminal.keys("gyrostat why wor", "Tab")
    terminal.wait("gyrostat why worker")
    terminal.keys("C-u")
    terminal.keys("gyrostat status --js", "Tab")
    terminal.wait("gyrostat status --json")
    terminal.keys("C-u")
    terminal.keys("gyrostat config ex", "Tab")
    terminal.wait("gyrostat config explain")


def test_the_script_of_each_shell_is_taken_by_it(door):
    for shell in SHELLS:
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(Path(door) / f"script.{shell}")], check=True, timeout=60)
