import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.service_files import Service, plist_of, quoted, unit_of

CONFIG = "node: {name: alpha, shutdown_grace: 40s}\nworkloads: {}\n"


@pytest.fixture
def one(tmp_path):
    return Service(
        node="alpha",
        argv=["/usr/bin/python3", "-P", "-m", "actors.cli", "up", "-c", "/srv/my site/gyro$tat 100%.yaml"],
        directory=tmp_path,
        path="/usr/bin:/bin",
        grace_s=40.0,
        system=True,
        account="web",
        out=tmp_path / "node.out",
    )


def test_the_unit_ends_the_node_only_and_waits_as_long_as_the_node_may_take(one):
    unit = unit_of(one)
    for line in ("Type=notify", "NotifyAccess=all", "KillMode=process", "Restart=on-failure", "WatchdogSec=30"):
        assert f"\n{line}\n" in unit
    assert "\nTimeoutStopSec=55\n" in unit
    assert "\nUser=web\n" in unit
    assert "\nWantedBy=multi-user.target\n" in unit
    assert '"/srv/my site/gyro$$tat 100%%.yaml"' in unit


@pytest.mark.parametrize(
    ("text", "written"),
    [("plain", "plain"), ("", '""'), ("a b", '"a b"'), ('say "x"', '"say \\"x\\""'), ("$HOME", '"$$HOME"')],
)
def test_a_word_is_written_as_systemd_reads_it_back(text, written):
    assert quoted(text) == written


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("kind", ["--system", "--user"])
def test_an_installed_unit_has_no_faults(gyrostat, tmp_path, kind):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    folder = tmp_path / "units"
    assert gyrostat("service", "install", kind, "--dir", str(folder))[0] == 0
    (unit,) = folder.iterdir()
    assert unit.name == "gyrostat-alpha.service"
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert unit.read_text() == gyrostat("service", "show", kind)[1]
    assert gyrostat("service", "uninstall", kind, "--dir", str(folder))[0] == 0
    assert gyrostat("service", "uninstall", kind, "--dir", str(folder))[0] == 1


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where units of one person lie; those of the machine are read where they are, and there is none of ours."""
    (tmp_path / "gyrostat.yaml").write_text("node: {name: test-of-service}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("actors.cli.service._managed", lambda: False)
    return tmp_path / "home/systemd/user"


@pytest.mark.skipif(sys.platform != "linux", reason="units are of systemd")
def test_uninstall_finds_the_unit_of_this_account_whoever_asks(gyrostat, home, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert gyrostat("service", "install", "--user")[0] == 0
    (unit,) = home.iterdir()
    Path("gyrostat.yaml").write_text("node: {name: test-of-service}\nworkloads: {web: {comand: x}}\n")
    assert gyrostat("service", "uninstall") == (0, f"removed: {unit}\n", ""), "also when the config has a fault by now"
    monkeypatch.setenv("SUDO_USER", "alice")
    code, _, err = gyrostat("service", "uninstall")
    assert code == 1
    assert f"there is no /etc/systemd/system/{unit.name} and no {unit}" in err
    assert "removed by alice, without sudo" in err


@pytest.mark.parametrize("what", ["install", "show", "uninstall"])
def test_a_service_is_of_the_machine_or_of_one_person(gyrostat, home, what):
    code, out, err = gyrostat("service", what, "--system", "--user")
    assert (code, out) == (2, "")
    assert "--system and --user exclude each other" in err
    assert not home.exists()


def test_a_property_list_is_one_and_leaves_the_workloads_alone(one):
    read = plistlib.loads(plist_of(one))
    assert read["Label"] == "org.gyrostat.alpha"
    assert read["ProgramArguments"] == one.argv
    assert read["AbandonProcessGroup"]
    assert read["KeepAlive"] == {"SuccessfulExit": False}
    assert (read["UserName"], read["ExitTimeOut"]) == ("web", 55)


def test_on_macos_a_property_list_is_written(gyrostat, tmp_path, monkeypatch):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    monkeypatch.setattr("sys.platform", "darwin")
    code, out, _ = gyrostat("service", "install", "--user", "--dir", str(tmp_path / "agents"))
    assert code == 0
    path = Path(out.removeprefix("written: ").strip())
    assert plistlib.loads(path.read_bytes())["ProgramArguments"][-2:] == ["-c", str(tmp_path / "gyrostat.yaml")]


def test_a_config_with_a_fault_is_not_installed(gyrostat, tmp_path):
    (tmp_path / "gyrostat.yaml").write_text("node: {nme: alpha}\n")
    code, _, err = gyrostat("service", "install", "--dir", str(tmp_path / "units"))
    assert code == 2
    assert "gyrostat.yaml:1: node.nme: unknown key" in err
    assert not (tmp_path / "units").exists()


def test_an_account_that_is_not_there_is_refused_before_anything_is_written(gyrostat, tmp_path):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    code, out, err = gyrostat(
        "service", "install", "--system", "--as", "nobody-there", "--dir", str(tmp_path / "units")
    )
    assert (code, out) == (1, "")
    assert "no account 'nobody-there' on this machine" in err
    assert not (tmp_path / "units").exists()


def test_an_account_goes_with_the_whole_machine_only(gyrostat, tmp_path):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    assert gyrostat("service", "show", "--user", "--as", "web")[0] == 2
