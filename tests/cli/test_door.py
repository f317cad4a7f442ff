import contextlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from actors.cli.door import COMMANDS, cli, nearest

CONFIG = "node: {name: alpha}\nworkloads: {}\n"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gyrostat.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    "name",
    [
        *COMMANDS,
        *("config check", "config show", "config diff", "fixes export", "fixes import"),
        *("tasks add", "tasks list", "tasks show"),
        *("alerts ack", "alerts list", "alerts silence", "alerts test"),
        *("config init", "config explain", "config schema"),
    ],
)
def test_every_command_has_help_with_examples(gyrostat, name):
    code, out, _ = gyrostat(*name.split(), "--help")
    assert code == 0
    assert f"gyrostat {name}" in out
    assert "Examples:" in out
    assert "--config" in out


def examples_of(command):
    """The command lines of its help and of those beneath it, as words without the first."""
    for line in (command.epilog or "").splitlines():
        text = re.split(r" {2,}| \||\s>", line.strip())[0]
        yield from (shlex.split(part)[1:] for part in text.split("&&") if part.strip().startswith("gyrostat "))
    context = click.Context(command)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from examples_of(command.get_command(context, name))


def test_every_example_of_a_help_text_is_a_command_line_that_is_understood():
    lines = [line for line in examples_of(cli) if "--guard" not in line]  # that one takes the place of this process
    assert len(lines) > len(COMMANDS)
    for line in lines:
        with contextlib.suppress(click.exceptions.Exit):
            context = cli.make_context("gyrostat", list(line))
            while isinstance(context.command, click.Group) and (rest := [*context._protected_args, *context.args]):
                name, command, rest = context.command.resolve_command(context, rest)
                assert command is not None
                context = command.make_context(name, rest, parent=context)


def test_no_command_shows_the_help(gyrostat):
    code, out, _ = gyrostat()
    assert code == 0
    assert "Exit codes: 0 ok, 1 failed, 2 usage or config, 3 no node runs." in out


def test_an_unknown_command_is_answered_with_the_nearest(gyrostat):
    assert gyrostat("staus") == (2, "", 'gyrostat: no command "staus"; did you mean "status"?; see gyrostat --help\n')


def test_a_beginning_counts_as_near():
    assert nearest("iss", ["status", "issues"]) == 'did you mean "issues"?'
    assert nearest("zzz", ["a", "b"]) == "there are: a, b"


def test_a_wrong_option_is_one_line(gyrostat):
    code, out, err = gyrostat("status", "--jsn")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "--jsn" in err


@pytest.mark.parametrize("name", ["status", "health", "events", "issues", "reload", "goals", "reconcile", "stop"])
def test_no_node_is_code_3_and_one_line_that_helps(gyrostat, config, name):
    code, out, err = gyrostat(name)
    assert (code, out) == (3, "")
    assert re.fullmatch(r"gyrostat: no node runs on .*/var; start one with: gyrostat start\n", err)


def test_no_config_is_code_2(gyrostat):
    code, _, err = gyrostat("status")
    assert code == 2
    assert "gyrostat.yaml: does not exist" in err


def test_an_endpoints_file_of_a_dead_node_is_no_node(gyrostat, config, tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    run_dir = tmp_path / "var" / "run"
    run_dir.mkdir(parents=True, mode=0o700)
    file = {"node": "alpha", "pid": ended.pid, "epoch": 1, "facts": [], "commands": [f"ipc://{run_dir}/commands.sock"]}
    (run_dir / "endpoints.json").write_text(json.dumps(file))
    code, _, err = gyrostat("status")
    assert code == 3
    assert err.endswith("; it died; adopt what it left running with: gyrostat start\n")


def test_a_node_of_another_account_is_named_and_no_accident(gyrostat, config, monkeypatch):
    def shut(_):
        raise PermissionError(13, "Permission denied", "endpoints.json")

    monkeypatch.setattr("bus.endpoints.find_endpoints", shut)
    for name in ("status", "start", "stop"):
        code, out, err = gyrostat(name)
        assert (code, out) == (1, "")
        assert re.fullmatch(r"gyrostat: the node on .*/var is of .*; ask it as that account\n", err)


def test_another_node_is_not_started_on_the_state_directory_of_one_that_runs(fake, gyrostat):
    fake.config.write_text("node: {name: beta}\nworkloads: {}\n")
    code, out, err = gyrostat("start")
    assert (code, out) == (1, "")
    assert re.match(r"gyrostat: node alpha \(pid \d+\) runs on .*/var, and .* is of node beta: stop it, or ", err)


@pytest.mark.parametrize(
    ("redirection", "ending"),
    [
        (">&-", (0, "")),
        ("2>&-", (0, "")),
        (">/dev/full", (1, "gyrostat: cannot write: No space left on device\n")),
        ("| true", (0, "")),
    ],
)
def test_output_that_goes_nowhere_is_no_accident(argv, config, tmp_path, redirection, ending):
    line = f'"$@" config show {redirection}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *argv], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == ending


def test_a_reader_that_goes_away_early_is_no_failure(gyrostat, fake, monkeypatch):
    def gone(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("actors.cli.paint.put", gone)
    monkeypatch.setattr("actors.cli.exits._mute_stdout", lambda: None)
    assert gyrostat("endpoints") == (0, "", "")


def test_what_a_locale_cannot_write_is_written_another_way(argv, config, tmp_path):
    config.write_text('workloads: {a: {command: [sleep, "1"], env: {NAME: "h\u00e4"}}}\n')
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([*argv, "config", "show"], cwd=tmp_path, capture_output=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"NAME: h\\xe4\n" in done.stdout


def test_a_current_directory_that_is_gone_is_one_line(argv, tmp_path):
    (tmp_path / "gone").mkdir()
    line = 'cd gone && rmdir ../gone && "$@" status'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *argv], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "gyrostat: the current directory is gone; cd to one that is there\n")


def test_config_faults_are_one_line_each_and_nothing_is_started(gyrostat, config, tmp_path):
    config.write_text("node: {name: A}\nworkloads:\n  web: {comand: x}\n")
    code, out, err = gyrostat("up")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith("gyrostat: gyrostat.yaml:1: node.name: ")
    assert 'did you mean "command"?' in err
    assert re.fullmatch(r"gyrostat: \d faults; nothing was started", lines[-1])
    assert not (tmp_path / "var").exists()
    code, out, _ = gyrostat("config", "check", "--json")
    assert code == 2
    assert json.loads(out)["faults"][0]["line"] == 1


def test_config_check_and_show(gyrostat, config):
    code, out, _ = gyrostat("config", "check")
    assert code == 0
    assert "no faults" in out
    assert json.loads(gyrostat("config", "show", "--json")[1])["node"]["name"] == "alpha"
    assert "name: alpha" in gyrostat("config", "show")[1]


@pytest.mark.parametrize("pair", ["mode", "=x"])
def test_a_set_without_key_or_value_is_refused(gyrostat, config, pair):
    assert gyrostat("up", "--set", pair)[0] == 2


def test_an_unexpected_error_is_one_line_with_the_place_of_its_details(gyrostat, config, monkeypatch, tmp_path):
    def broken(*_):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("actors.settings.peek_state_dir", broken)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    code, out, err = gyrostat("status")
    assert (code, out) == (1, "")
    found = re.fullmatch(r"gyrostat: unexpected ZeroDivisionError: two lines; details in (.*)\n", err)
    assert found is not None
    assert "ZeroDivisionError: two\nlines" in Path(found[1]).read_text()


def test_a_client_command_imports_nothing_of_a_node(argv, config, tmp_path):
    code = "import sys; from actors.cli.door import run\ntry: run(['status'])\nfinally: print(*sys.modules)"
    found = subprocess.run(
        [argv[0], "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout.split()
    assert "bus.endpoints" in found
    assert not {"pykka", "psutil", "sqlite3", "tenacity", "actors.node", "actors.roster", "logging"} & set(found)


def test_logs_of_the_node_need_no_node(gyrostat, config, tmp_path):
    assert gyrostat("logs")[0] == 1
    (tmp_path / "var" / "logs").mkdir(parents=True)
    (tmp_path / "var" / "node.log").write_text("a\nb\n")
    (tmp_path / "var" / "logs" / "web.log").write_text("w\n")
    assert gyrostat("logs", "-n", "1") == (0, "b\n", "")
    assert gyrostat("logs", "web") == (0, "w\n", "")
    code, _, err = gyrostat("logs", "wbe")
    assert code == 2
    assert 'did you mean "web"?' in err


def test_the_commands_are_all_there():
    context = click.Context(cli)
    assert all(isinstance(cli.get_command(context, name), click.Command) for name in COMMANDS)
