"""What a workload is given and held to, on real processes: identity, limits, environment, secrets, temporary files."""

import contextlib
import grp
import os
import pwd
import resource
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from actors.process_manager.cgroups import Groups, Hierarchy, hierarchies, settings_of
from actors.process_manager.processes import ProcFs
from actors.process_manager.settings import ProcessManagerSettings
from actors.settings import Bytes, Hook, Limits, RestartPolicy, Seconds, WorkloadSettings, revision
from bus.messages import (
    ProcessReady,
    ProcessStarted,
    ProcessStartFailed,
    ProcessStopped,
    RunHook,
    StopProcess,
)
from tests.process_manager.asking import row

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root may do this")
FOREVER = "exec sleep 1000"


def log(house, name="web"):
    """Its lines once it has said "end"."""
    path = Path(row(house, name).log_path)
    house.until(lambda: path.exists() and path.read_text().endswith("end\n"))
    return path.read_text().splitlines()[:-1]


def failure(house):
    return house.wait_for(ProcessStartFailed).reason


# -- limits


def test_umask_nice_ionice_and_rlimits_hold_from_the_first_instruction(keep, workload, tmp_path):
    limits = Limits(nice=7, ionice="idle", rlimits={"nofile": "77:99", "core": "0", "stack": "4MiB"})
    script = "umask; nice; ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -s; touch made; echo end; exec sleep 1000"
    house = keep(workload("web", script, umask="027", limits=limits))
    assert log(house) == ["0027", "7", "77", "99", "0", "4096"]
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o640
    pid = row(house).pid
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (77, 99)
    if sys.platform == "linux":
        assert psutil.Process(pid).ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    assert ProcFs().argv(pid) == ["sleep", "1000"]


def test_a_child_of_it_is_held_to_the_same(keep, workload):
    house = keep(workload("web", "sh -c 'ulimit -n; nice'; echo end; exec sleep 1000",
                          limits=Limits(nice=3, rlimits={"nofile": "55"})))  # fmt: skip
    assert log(house) == ["55", "3"]


def test_a_program_that_is_missing_is_told_as_ever_when_it_has_limits(keep, workload):
    house = keep(workload("web", ["./prog"], limits=Limits(nice=1)))
    assert failure(house) == "its program ./prog (or the interpreter it names) is missing"


def test_a_program_that_may_not_be_run_is_told_as_ever_when_it_has_limits(keep, workload, tmp_path):
    (tmp_path / "prog").write_text("#!/bin/sh\n")
    house = keep(workload("web", ["./prog"], limits=Limits(nice=1)))
    assert failure(house) == "its program ./prog may not be executed by this user"


def test_a_limit_that_the_kernel_refuses_is_one_clear_line_and_nothing_runs(keep, workload, alive, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refused)
    house = keep(workload("web", FOREVER, limits=Limits(nice=-5)))
    assert failure(house) == "limits.nice: Operation not permitted"
    assert not house.events(ProcessStartFailed)[0].retryable
    assert alive("sleep") == []


@as_root
def test_user_and_group_and_a_precedence_that_the_user_may_not_set(keep, workload):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1
    house = keep(
        workload("web", "id -un; id -gn; id -G; ulimit -Hn; echo end; exec sleep 1000", cwd=Path("/"), user="nobody",
                 group="daemon", limits=Limits(nice=-3, rlimits={"nofile": f"64:{most}"})),
        workload("own", "id -gn; echo end; exec sleep 1000", cwd=Path("/"), group="daemon"),
    )  # fmt: skip
    daemon = str(grp.getgrnam("daemon").gr_gid)
    user, group, groups, files = log(house)
    assert (user, group, files) == ("nobody", "daemon", str(most))
    assert groups.split()[0] == daemon
    assert os.getpriority(os.PRIO_PROCESS, row(house).pid) == -3
    assert log(house, "own") == ["daemon"]


def test_an_unknown_group_is_one_clear_line(keep, workload):
    assert failure(keep(workload("web", FOREVER, group="no-such-group"))) == (
        "its group no-such-group is not known on this machine"
    )


def test_a_changed_limit_is_another_revision_and_an_unsaid_one_is_none():
    plain = WorkloadSettings(command=["x"])
    assert revision(plain) == revision(structs.replace(plain, limits=Limits(), secrets={}))
    others = [
        structs.replace(plain, limits=Limits(nice=1)),
        structs.replace(plain, umask="022"),
        structs.replace(plain, env_files=["/a"]),
        structs.replace(plain, private_tmp=True),
    ]
    assert len({revision(one) for one in (plain, *others)}) == 5


# -- environment


def test_env_files_env_and_secrets_are_laid_over_each_other(keep, workload, tmp_path, monkeypatch):
    monkeypatch.setenv("FROM_NODE", "node")
    (tmp_path / "a.env").write_text("A=1\nB=${FROM_NODE}/a\nexport C='${A}'\n# no\nD=first\n")
    (tmp_path / "b.env").write_text('D="second\\tword"\n')
    (tmp_path / "key").write_text("s3cret\n")
    (tmp_path / "key").chmod(0o600)
    house = keep(
        workload(
            "web", 'for n in A B C D E F KEY; do eval "echo \\"\\$n=\\$$n\\""; done; echo end; exec sleep 1000',
            env={"A": "mine", "E": "${B}:${NOPE:-none}", "F": "$${A}"},
            env_files=[str(tmp_path / "a.env"), str(tmp_path / "b.env"), f"-{tmp_path / 'none.env'}"],
            secrets={"KEY": str(tmp_path / "key")},
        )
    )  # fmt: skip
    assert log(house) == [
        "A=mine", "B=node/a", "C=${A}", "D=second\tword", "E=node/a:none", "F=${A}", "KEY=s3cret",
    ]  # fmt: skip


def test_a_secret_is_in_nothing_that_the_node_keeps(keep, workload, tmp_path):
    (tmp_path / "key").write_text("very-s3cret-word\n")
    (tmp_path / "key").chmod(0o600)
    house = keep(workload("web", FOREVER, secrets={"KEY": str(tmp_path / "key")}))
    house.wait_for(ProcessReady)
    house.stop()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert b"very-s3cret-word" not in kept + repr(house.envelopes()).encode()


def test_a_new_secret_and_a_new_env_file_are_read_at_the_next_start(keep, workload, tmp_path):
    (tmp_path / "e").write_text("A=one\n")
    house = keep(workload("web", "echo $A; echo end; exec sleep 1000", env_files=[str(tmp_path / "e")]))
    assert log(house) == ["one"]
    (tmp_path / "e").write_text("A=two\n")
    os.kill(row(house).pid, signal.SIGKILL)
    house.until(lambda: Path(row(house).log_path).read_text() == "one\nend\ntwo\nend\n")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: None, "its secret {path} is missing"),
        (lambda path: path.write_text("x"), "its secret {path} can be read by everybody: chmod o-r {path}"),
        (lambda path: path.write_bytes(b"a\0b"), "its secret {path} is larger than 1 MiB, or holds a zero byte"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "its secret {path} is no UTF-8"),
        (lambda path: path.mkdir(), "its secret {path} cannot be read: Is a directory"),
    ],
    ids=["missing", "open", "zero", "binary", "directory"],
)
def test_a_secret_that_cannot_be_used_is_one_clear_line(keep, workload, tmp_path, make, line):
    path = tmp_path / "key"
    make(path)
    if path.is_file():
        path.chmod(0o604)
    assert failure(keep(workload("web", FOREVER, secrets={"KEY": str(path)}))) == line.format(path=path)


def test_a_torn_env_file_and_an_unset_variable_are_one_clear_line(keep, workload, tmp_path):
    (tmp_path / "e").write_text('A=1\nB="open\n')
    house = keep(workload("web", FOREVER, env_files=[str(tmp_path / "e")]))
    assert failure(house) == f'its env file {tmp_path / "e"}: line 2 ("B...") is no NAME=value'
    house.stop()
    assert failure(keep(workload("app", FOREVER, env={"URL": "http://${NO_HOST}/"}))) == (
        "env.URL: variable NO_HOST is not set"
    )


def test_a_command_is_expanded_only_when_that_is_said(keep, workload):
    house = keep(
        workload("plain", ["sh", "-c", "echo ${A}; echo end; exec sleep 1000"], env={"A": "shell"}),
        workload("web", ["sh", "-c", 'echo "$1"; echo end; exec sleep 1000', "x", "${A:-b}"], expand_command=True,
                 env={"A": "known"}),
    )  # fmt: skip
    assert (log(house, "plain"), log(house)) == (["shell"], ["known"])


def test_a_hook_has_the_same_environment(keep, workload, tmp_path):
    (tmp_path / "e").write_text("A=1\n")
    house = keep(
        workload("web", FOREVER, env_files=[str(tmp_path / "e")], hooks={"show": Hook(command=["sh", "-c", "echo $A"])})
    )
    assert house.ask(RunHook(name="web", hook="show")).output == ["1"]


# -- temporary files


def test_temporary_files_are_its_own_and_gone_at_the_next_start(keep, workload, tmp_path):
    script = 'ls "$TMPDIR"; touch "$TMPDIR/mine"; echo "$TMPDIR"; ls /tmp; echo end; exec sleep 1000'
    house = keep(workload("web", script, private_tmp=True, cwd=Path("/")))
    own = tmp_path / "state" / "private" / "web"
    assert log(house) == (
        ["/tmp", "mine"] if ROOT else [str(own), *sorted(path.name for path in Path("/tmp").iterdir())]
    )
    assert own.stat().st_mode & 0o777 == 0o700
    assert (own / "mine").exists()
    os.kill(row(house).pid, signal.SIGKILL)
    house.until(lambda: row(house).incarnation == 2 and Path(row(house).log_path).read_text().count("end\n") == 2)
    assert Path("/tmp").exists()
    assert not Path("/tmp/mine").exists()


@as_root
def test_what_lies_in_tmp_cannot_be_hidden_from_its_own_workload(keep, workload, tmp_path):
    if not str(tmp_path).startswith("/tmp/"):
        pytest.skip("temporary files of tests lie elsewhere")
    assert failure(keep(workload("web", FOREVER, private_tmp=True))) == (
        f"{tmp_path} lies in /tmp, which private_tmp hides"
    )


# -- control groups


def can_make(controller: str) -> bool:
    """Whether groups can be made here, and not beneath a group that somebody else looks after."""
    for one in hierarchies("/proc", None):
        if controller in one.controllers or not controller:
            mount_level = one.base.rstrip("/").count("/") <= 4
            return mount_level and os.access(one.base, os.W_OK)
    return False


@pytest.mark.skipif(not can_make("cpu"), reason="no group can be made that limits the processor")
def test_a_share_of_the_processor_is_held_to_by_the_kernel(keep, workload, alive):
    spin = "echo on; while :; do :; done"
    house = keep(workload("web", spin, limits=Limits(cpu_quota="20%")))
    pid = house.wait_for(ProcessStarted).pid
    groups = Groups(house.view.name, ProcessManagerSettings(), Lines())
    (directory,) = groups.directories("web")
    assert str(pid) in Path(directory, "cgroup.procs").read_text().split()
    process, before = psutil.Process(pid), psutil.Process(pid).cpu_times()
    began = psutil.Process(pid).create_time()
    house.until(lambda: sum(process.cpu_times()[:2]) - sum(before[:2]) >= 0.4)
    wall_s = time.time() - began
    assert sum(process.cpu_times()[:2]) / wall_s < 0.35
    house.ask(StopProcess(name="web"))
    assert alive() == []
    assert groups.directories("web") == []
    assert not Path(directory).parent.exists()


@pytest.mark.skipif(not can_make(""), reason="no control group can be made")
def test_in_a_group_not_even_a_child_without_environment_escapes(keep, workload, alive):
    script = "env -i PATH=$PATH GYROSTAT_TEST_MARK=$GYROSTAT_TEST_MARK setsid sleep 1001 & echo end; exec sleep 1000"
    house = keep(workload("web", script), cgroups="always")
    log(house)
    house.until(lambda: len(alive("sleep 1001")) == 1)
    house.ask(StopProcess(name="web"))
    assert alive() == []
    assert house.wait_for(ProcessStopped)


@pytest.mark.skipif(not can_make(""), reason="no control group can be made")
def test_a_new_node_finds_the_group_of_the_one_before(keep, workload, alive):
    script = "env -i PATH=$PATH GYROSTAT_TEST_MARK=$GYROSTAT_TEST_MARK setsid sleep 1001 & echo end; exec sleep 1000"
    house = keep(workload("web", script), cgroups="always")
    log(house)
    house.until(lambda: len(alive("sleep 1001")) == 1)
    house.die("process_manager")
    second = keep(workload("web", script), cgroups="always")
    second.ask(StopProcess(name="web"))
    assert alive() == []


def test_without_groups_too_much_memory_means_a_restart_with_the_reason(keep, workload, python):
    grow = "import time\na = bytearray(120_000_000)\ntime.sleep(1000)"
    house = keep(
        workload("web", python(grow), limits=Limits(memory_max=Bytes(60_000_000)),
                 restart=RestartPolicy(start_limit=99)),
        cgroups="never", memory_check=Seconds(0.1),
    )  # fmt: skip
    second = house.wait_for(ProcessStarted, lambda fact: fact.incarnation == 2)
    assert second.reason.startswith("takes ")
    assert second.reason.endswith("of memory, more than limits.memory_max 60MB")


def test_the_memory_of_the_whole_tree_counts(keep, workload, python):
    grow = "import time\na = bytearray(70_000_000)\ntime.sleep(1000)"
    child = f'{sys.executable} -I -S -c "{grow}"'.replace("\n", "; ").replace("\\n", "; ")
    house = keep(
        workload("web", f"setsid {child} & {child} & exec sleep 1000", limits=Limits(memory_max=Bytes(120_000_000))),
        cgroups="never", memory_check=Seconds(0.1),
    )  # fmt: skip
    house.wait_for(ProcessStarted, lambda fact: fact.incarnation == 2)


def test_what_cannot_be_had_by_group_is_said_once_and_nobody_is_kept_from_running(keep, workload):
    house = keep(workload("web", FOREVER, limits=Limits(cpu_quota="50%")), cgroups="never")
    house.wait_for(ProcessReady)


@pytest.fixture
def tree(tmp_path):
    """A file system as the kernel shows it: version 2 with memory and cpu, the node in a group of its own."""
    root, proc = tmp_path / "cgroup", tmp_path / "proc"
    own = root / "service"
    own.mkdir(parents=True)
    (proc / "self").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    for folder in (own, own / "gyrostat-alpha"):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text("")
    (proc / "self" / "cgroup").write_text("0::/service\n")
    (proc / "self" / "mounts").write_text(f"cgroup2 {root} cgroup2 rw 0 0\n")
    return own, str(proc)


class Lines:
    """A log that keeps what is said."""

    def __init__(self):
        self.lines: list[str] = []

    def warning(self, event: str, **pairs: object) -> None:
        self.lines.append(" ".join([event, *(f"{key}={value}" for key, value in pairs.items())]))


def test_limits_are_written_where_version_2_wants_them(tree):
    own, proc = tree
    groups = Groups("alpha", ProcessManagerSettings(), Lines(), proc)
    limits = Limits(memory_max=Bytes(200_000_000), cpu_quota="150%")
    assert groups.make("web", limits) == [str(own / "gyrostat-alpha" / "web")]
    assert (own / "gyrostat-alpha/web/memory.max").read_text() == "200000000"
    assert (own / "gyrostat-alpha/web/cpu.max").read_text() == "150000 100000"
    for folder in (own, own / "gyrostat-alpha"):
        assert "+memory" in (folder / "cgroup.subtree_control").read_text()
    assert groups.has("web", "memory")
    assert not groups.has("app", "memory")


def test_version_1_has_other_files():
    limits = Limits(memory_max=Bytes(5_000_000), cpu_quota="50%")
    assert settings_of(1, "memory", limits) == [("memory.limit_in_bytes", "5000000")]
    assert settings_of(1, "cpu", limits) == [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")]


def test_a_machine_without_the_controller_says_so_once(tree):
    own, proc = tree
    (own.parent / "cgroup.controllers").write_text("pids\n")
    said = Lines()
    groups = Groups("alpha", ProcessManagerSettings(), said, proc)
    for _ in range(3):
        assert groups.make("web", Limits(cpu_quota="50%")) == []
    assert said.lines == [
        "limit.not_by_cgroup workload=web limit=limits.cpu error=no control group of this machine limits cpu"
    ]
    assert Groups("alpha", ProcessManagerSettings(cgroups="never"), said, proc).directories("web") == []
    assert hierarchies(str(own / "nowhere"), None) == []


def test_accounts_are_there_for_these_tests():
    with contextlib.suppress(KeyError):
        assert pwd.getpwnam("nobody")


def test_one_look_tells_who_has_no_group_until_one_is_made(tmp_path):
    groups = Groups("alpha", ProcessManagerSettings(), Lines())
    groups._hierarchies = [Hierarchy(version=1, base=str(tmp_path), controllers=frozenset())]
    web, db = tmp_path / "gyrostat-alpha/web", tmp_path / "gyrostat-alpha/db"
    web.mkdir(parents=True)
    groups.note_missing(["web", "db"])
    db.mkdir()
    assert groups.directories("web") == [str(web)]
    assert groups.directories("db") == []  # it was seen to have none, and nobody looks again
    groups.make("db", Limits())
    assert groups.directories("db") == [str(db)]
