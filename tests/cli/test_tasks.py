"""`gyrostat tasks` against a node of its own, with real workers."""

import json
import subprocess

import pytest

CONFIG = """
node: {name: alpha, state_dir: ./var}
tasks:
  say:
    command: [sh, -c, 'echo "progress 0.5 half" >&3; echo "result $0" >&3; exit "$1"', "${number}", "${code}"]
    params: {number: {type: int}, code: {type: int, default: 0}}
    retry: {attempts: 1}
"""


@pytest.fixture
def run(argv, tmp_path):
    """Runs `gyrostat ...` beside a node that has the config; gives (exit code, stdout, stderr)."""
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)

    def run(*words):
        done = subprocess.run([*argv, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    code, _, err = run("start")
    assert code == 0, err
    yield run
    run("stop")


def test_a_task_is_added_waited_for_shown_and_retried(run):
    assert run("tasks", "add", "say", "number=7", "--wait", "--tag", "blue") == (0, "task 1\ntask 1 is done\n", "")
    code, out, _ = run("tasks", "show", "1")
    assert code == 0
    assert "task 1: say, done" in out
    assert "result 7" in out
    assert "What each layer did" in out
    assert "time-out     passes  an attempt 1h" in out
    assert "breaker" not in out, "the kind has none"
    code, out, _ = run("tasks", "add", "say", "number=8", "code=3", "--wait")
    assert code == 1
    assert "is dead: exit code 3" in out
    assert "exit code 3" in run("tasks", "dead")[1]
    dead = json.loads(run("tasks", "dead", "--json")[1])["tasks"][0]["task"]
    assert run("tasks", "retry", str(dead)) == (0, "1 queued again\n", "")


def test_what_cannot_be_is_one_line_that_says_what_can(run):
    for words, said in (
        (("add", "sya"), 'no kind of task "sya"; there are: say'),
        (("add", "say", "number"), '"number" is no parameter; allowed: NAME=VALUE'),
        (("add", "say", "number=x"), 'parameter "number": "x" is no int'),
        (("add", "say", "number=1", "--in", "soon"), "--in"),
        (("show", "99"), "no task 99"),
        (("retry", "99"), "no ended task 99"),
    ):
        code, out, err = run("tasks", *words)
        assert (code in {1, 2}, out) == (True, ""), words
        assert said in err
        assert len(err.splitlines()) == 1


def test_a_drained_queue_keeps_its_tasks_until_it_goes_on(run):
    assert run("tasks", "drain", "--why", "maintenance")[1].startswith("no task is taken; ")
    assert run("tasks", "add", "say", "number=1")[0] == 0
    assert run("tasks", "add", "say", "number=2", "--in", "1h", "--priority", "high")[0] == 0
    out = run("tasks", "list")[1]
    assert "no task is taken: maintenance" in out
    assert "queued" in out
    assert "scheduled" in out
    assert "1 queued, 1 scheduled; 2 workers" in run("tasks", "stats")[1]
    assert run("tasks", "cancel", "2")[1] == "1 cancelled\n"
    assert run("tasks", "drain", "--off")[1] == "tasks are taken\n"
    assert run("tasks", "add", "say", "number=3", "--wait")[0] == 0
