import getpass
import os

import pytest

from actors.settings import check_machine


@pytest.fixture
def lines(read):
    def lines_of(text, environ=None):
        return [str(fault) for fault in check_machine(read(text), environ)]

    return lines_of


@pytest.fixture
def tool(tmp_path):
    program = tmp_path / "bin" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_a_machine_that_has_everything_gives_no_fault(lines):
    assert lines("workloads: {a: {command: [sh, -c, 'true']}}") == []


def test_a_missing_program_is_found_at_its_line(lines):
    assert lines("workloads:\n  a:\n    command: [nosuch, x]\n", {"PATH": "/bin"}) == [
        'gyrostat.yaml:3: workloads.a.command: no program "nosuch" on PATH (/bin); allowed: a program that can be run'
    ]


def test_a_program_is_looked_for_on_the_path_of_the_workload(lines, tool):
    own = f"workloads: {{a: {{command: tool, env: {{PATH: '{tool.parent}'}}}}}}"
    assert lines(own, {"PATH": "/bin"}) == []
    assert lines("workloads: {a: {command: tool}}", {"PATH": str(tool.parent)}) == []
    more = "workloads: {a: {command: tool, env: {PATH: '/opt/own:${PATH:-}'}}}"
    assert lines(more, {"PATH": str(tool.parent)}) == []
    assert len(lines(more, {"PATH": "/bin"})) == 1
    assert len(lines(more.replace(":-", "").replace("PATH}", "NOT_YET}"), {"PATH": "/bin"})) == 1
    assert len(lines("workloads: {a: {command: tool}}", {"PATH": "/bin"})) == 1


def test_a_relative_program_is_looked_for_in_the_directory_of_the_workload(lines, tool):
    assert lines("workloads: {a: {command: ./tool, cwd: bin}}") == []
    (line,) = lines("workloads: {a: {command: ./tool}}")
    assert 'no program "./tool" in' in line


def test_a_file_that_cannot_be_run_is_no_program(lines, tool):
    tool.chmod(0o644)
    assert len(lines("workloads: {a: {command: bin/tool}}")) == 1


def test_programs_of_hooks_probes_and_modes_are_looked_for_too(lines):
    text = """\
        mode: dual
        workloads:
          a:
            command: sh
            hooks:
              fix: {command: nosuch1, undo: sh}
              mend:
                command: sh
                undo: nosuch4
            probes:
              work: {exec: nosuch2}
            modes:
              sandbox:
                command: nosuch3
        """
    assert [line.partition(": no program")[0] for line in lines(text)] == [
        "gyrostat.yaml:6: workloads.a.hooks.fix.command",
        "gyrostat.yaml:9: workloads.a.hooks.mend.undo",
        "gyrostat.yaml:11: workloads.a.probes.work.exec",
        "gyrostat.yaml:14: workloads.a.modes.sandbox.command",
    ]


def test_a_missing_directory_is_found(lines, tmp_path):
    (tmp_path / "file").write_text("")
    assert lines("workloads:\n  a: {command: sh, cwd: gone}\n  b: {command: sh, cwd: file}") == [
        f"gyrostat.yaml:2: workloads.a.cwd: {tmp_path}/gone does not exist; allowed: a directory",
        f"gyrostat.yaml:3: workloads.b.cwd: {tmp_path}/file is no directory; allowed: a directory",
    ]


def test_an_unknown_account_is_found(lines):
    assert lines("workloads: {a: {command: sh, user: no-such-account}}") == [
        (
            'gyrostat.yaml:1: workloads.a.user: no account "no-such-account" on this machine; '
            "allowed: an account of this machine"
        )
    ]


def test_only_root_can_run_a_workload_as_somebody_else(lines, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert lines("workloads: {a: {command: sh, user: root}}") == [
        (
            'gyrostat.yaml:1: workloads.a.user: only root can run a workload as "root"; allowed: no user, or a node '
            "run by root"
        )
    ]


def test_an_account_may_name_itself(lines):
    assert lines(f"workloads: {{a: {{command: sh, user: {getpass.getuser()}}}}}") == []


def test_a_state_directory_that_can_be_made_is_no_fault_and_is_not_made(lines, tmp_path):
    assert lines("node: {state_dir: a/b/c}") == []
    assert not (tmp_path / "a").exists()


def test_a_state_directory_beneath_a_file_is_a_fault(lines, tmp_path):
    (tmp_path / "file").write_text("")
    text = "node:\n  state_dir: file/var\n"
    line = f"{tmp_path}/file is no directory; allowed: a directory that can be written"
    assert lines(text) == [f"gyrostat.yaml:2: node.state_dir: {line}"]


def test_a_state_directory_that_cannot_be_written_is_a_fault(lines, tmp_path, monkeypatch):
    (tmp_path / "var").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / "var")
    assert f"{tmp_path}/var cannot be written" in lines("node: {state_dir: var, run_dir: /tmp}")[0]


def test_two_instances_of_one_workload_give_one_line(lines):
    assert len(lines("mode: dual\nworkloads: {a: {command: nosuch}}", {"PATH": "/bin"})) == 1


def test_groups_env_files_and_secrets_are_looked_for(lines, tmp_path):
    (tmp_path / "open").write_text("x")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "closed").write_text("A=x")
    (tmp_path / "closed").chmod(0o640)
    text = """workloads:
  a:
    command: sh
    group: no-such-group
    env_files:
      - -maybe.env
      - closed
      - gone.env
    secrets:
      A: open
      B: closed
      C: gone
"""
    shown, may_be_missing = tmp_path / "open", "allowed: a file, or -FILE for one that may be missing"
    no_group = 'no group "no-such-group" on this machine; allowed: a group of this machine'
    assert lines(text) == [
        f"gyrostat.yaml:4: workloads.a.group: {no_group}",
        f"gyrostat.yaml:5: workloads.a.env_files[2]: no file {tmp_path}/gone.env; {may_be_missing}",
        f"gyrostat.yaml:10: workloads.a.secrets.A: everybody can read {shown}; allowed: chmod o-r {shown}",
        f"gyrostat.yaml:12: workloads.a.secrets.C: no file {tmp_path}/gone; allowed: a file that holds the secret",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"A=1\nB 2\n", ': line 2 ("B 2...") is no NAME=value; allowed: NAME=value, export NAME=value, or a comment'),
        (b"A='1\n", ': line 1 ("A...") is no NAME=value; allowed: NAME=value, export NAME=value, or a comment'),
        (b"A=\xff\n", " is no UTF-8; allowed: lines of NAME=value"),
        (b"A=\0\n", " is larger than 1 MiB, or holds a zero byte; allowed: lines of NAME=value"),
    ],
)
def test_an_env_file_that_would_keep_a_workload_from_its_start_is_a_fault_told_once(lines, tmp_path, content, fault):
    (tmp_path / "app.env").write_bytes(content)
    text = "workloads:\n  a:\n    command: sh\n    instances: 2\n    env_files: [-app.env]\n"
    assert lines(text) == [f"gyrostat.yaml:5: workloads.a.env_files[0]: {tmp_path}/app.env{fault}"]


def test_what_is_unset_in_an_env_file_is_no_fault_as_the_node_may_know_it(lines, tmp_path):
    (tmp_path / "app.env").write_text("# of the service\nexport A=${ONLY_THE_NODE_HAS_IT}\n")
    assert lines("workloads:\n  a:\n    command: sh\n    env_files: [app.env]\n") == []
