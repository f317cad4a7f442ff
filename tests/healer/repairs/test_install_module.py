"""A module that is missing is installed as the config says, into the workload's own place, and taken back."""

import subprocess
import sys
import zipfile

import msgspec
import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.install_module import InstallModuleRepair, made_for, missing_in, names_of
from actors.settings.repair import Module, Repair
from bus.messages import HookEnded, IssueResolved, RemedyFailed
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

NEEDS_IT = "import sys, time; sys.path.insert(0, 'lib'); import acmelib; time.sleep(1000)"
COPIED = Repair(modules={"acmelib": Module(install=["cp", "-r", "wheelhouse/acmelib", "lib/acmelib"])})
LACKS = "ModuleNotFoundError: No module named 'acmelib'"
INSTALL = InstallModuleRepair()


def wheelhouse(directory):
    package = directory / "wheelhouse" / "acmelib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("answer = 42\n")
    (directory / "lib").mkdir()


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("ModuleNotFoundError: No module named 'acme.lib'", ["acme.lib"]),
        ("/usr/bin/python3: No module named acme.", ["acme"]),
        ("Error: Cannot find module '@acme/lib'\nRequire stack:", ["@acme/lib"]),
        ("Error: Cannot find module './local'", []),
        ("in `require': cannot load such file -- acme/lib (LoadError)", ["acme/lib"]),
        ("Can't locate Acme/Lib.pm in @INC", ["Acme/Lib"]),
        ("ImportError: cannot import name 'new' from 'acme' (/lib/acme.py)", ["acme"]),
        ("No module named 'first'\nthen: No module named 'second'", ["second", "first"]),
        ("all is well", []),
    ],
)
def test_the_module_that_a_failure_names(text, modules):
    assert missing_in(text) == modules


def test_a_module_is_named_by_itself_and_by_what_it_is_a_part_of():
    assert names_of("acme.lib.part") == ["acme.lib.part", "acme.lib", "acme"]
    assert names_of("@acme/lib") == ["@acme/lib", "@acme"]


def test_what_has_the_name_of_a_module_is_found_and_nothing_else(tmp_path):
    for name in ("lib/acmelib/part.py", "lib/acmelib-1.0.dist-info/RECORD", "acmelib.py", "acmelib_two.py", "notes"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert made_for("acmelib", tmp_path) == {"lib/acmelib", "lib/acmelib-1.0.dist-info", "acmelib.py"}


@pytest.mark.parametrize(
    ("repair", "text", "why"),
    [
        (Repair(), LACKS, "allows no modules"),
        (COPIED, "No module named 'other'", "does not name other"),
        (COPIED, "it broke", "names no module"),
        (Repair(modules={"acmelib": Module(package="acmelib==1.0")}), LACKS, "no Python is known"),
    ],
)
def test_nothing_is_installed_that_the_config_does_not_allow(tmp_path, repair, text, why):
    found = INSTALL.look(scene(tmp_path, repair, text=text))
    assert isinstance(found, Unfit)
    assert why in found.why


@pytest.mark.parametrize(("program", "why"), [(sys.executable, "the node's own"), ("/usr/bin/python3", "the system's")])
def test_nothing_is_installed_into_the_python_of_the_system_or_of_the_node(tmp_path, program, why):
    command = [program, "-c", "import acmelib"]
    repair = Repair(modules={"acmelib": Module(package="acmelib==1.0")})
    found = INSTALL.look(scene(tmp_path, repair, text=LACKS, command=command))
    assert isinstance(found, Unfit)
    assert why in found.why or "no Python is known" in found.why


def test_what_an_installation_made_is_deleted_when_it_is_taken_back(tmp_path):
    wheelhouse(tmp_path)
    here = scene(tmp_path, COPIED, text=LACKS)
    planned = INSTALL.look(here)
    assert isinstance(planned, Planned)
    subprocess.run(["cp", "-r", "wheelhouse/acmelib", "lib/acmelib"], cwd=tmp_path, check=True)
    INSTALL.take_back(here, planned.undo)
    assert not (tmp_path / "lib/acmelib").exists()
    assert (tmp_path / "wheelhouse/acmelib").exists(), "it was there before"


def test_a_workload_runs_again_once_its_module_is_installed(real_ward, tmp_path):
    wheelhouse(tmp_path)
    house = real_ward(python(NEEDS_IT), repair=COPIED)
    assert house.wait_for(IssueResolved).by == "install_module"
    assert house.wait_for(HookEnded).hook == "install acmelib"
    assert alive(pid_of(house))


def test_an_installation_that_does_not_help_is_taken_back(real_ward, tmp_path):
    wheelhouse(tmp_path)
    house = real_ward(python("raise ImportError(\"No module named 'acmelib'\")"), repair=COPIED)
    failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "install_module")
    assert failed.undone == "install_module"
    assert not (tmp_path / "lib/acmelib").exists()


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """A virtual environment with pip, and beside it a wheel of acmelib 1.0."""
    place = tmp_path_factory.mktemp("own")
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    metadata = "Metadata-Version: 2.1\nName: acmelib\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(place / "acmelib-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acmelib.py", "answer = 42\n")
        archive.writestr("acmelib-1.0.dist-info/METADATA", metadata)
        archive.writestr("acmelib-1.0.dist-info/WHEEL", wheel)
        archive.writestr("acmelib-1.0.dist-info/RECORD", "")
    return place


@pytest.mark.parametrize("helps", [True, False])
def test_a_package_is_installed_into_the_workloads_own_environment_and_uninstalled_when_it_does_not_help(
    real_ward, venv, monkeypatch, helps
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(venv))
    sites = next((venv / "venv").glob("lib/python3*/site-packages"))
    program = NEEDS_IT if helps else "raise ImportError(\"No module named 'acmelib'\")"
    repair = Repair(modules={"acmelib": Module(package="acmelib==1.0")})
    house = real_ward([str(venv / "venv/bin/python"), "-c", program], repair=repair)
    if helps:
        assert house.wait_for(IssueResolved, timeout_s=60).by == "install_module"
        assert (sites / "acmelib.py").exists()
        subprocess.run([str(venv / "venv/bin/python"), "-m", "pip", "uninstall", "-qy", "acmelib"], check=True)
    else:
        failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "install_module", timeout_s=60)
        assert failed.undone == "install_module"
    assert not (sites / "acmelib.py").exists()
    assert msgspec.json.encode(house.events(HookEnded)[0])
