import os
import shutil
import sys
from pathlib import Path

import pytest

from actors.venvs import NoVenv, Venv, python_of, venv_of


@pytest.fixture
def place(tmp_path):
    """A directory with a script, and an environment that consists of what tells one."""
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "acmelib-1.0.dist-info").mkdir(parents=True)
    (site / "acmelib-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acmelib\nVersion: 1.0\n")
    (binaries / "python3").symlink_to(sys.executable)
    (binaries / "serve").write_text(f"#!{binaries}/python3 -I\nimport acmelib\n")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["venv/bin/python3", "app.py"],
        ["venv/bin/serve", "--port", "1"],
        ["/usr/bin/env", "-i", "A=1", "python3", "app.py"],
        ["python3", "app.py"],
        ["sh", "-c", "exec python3 app.py"],
        ["sh", "-c", "mkdir -p x && A=1 venv/bin/serve; python3 app.py"],
        ["sh", "-c", "cd . && exec venv/bin/serve"],
    ],
)
def test_the_python_of_a_command_is_that_of_its_environment(place, command):
    path = f"{place}/venv/bin{os.pathsep}/bin{os.pathsep}/usr/bin"
    found = venv_of(command, place, path)
    assert (found.python, found.prefix) == (place / "venv/bin/python3", place / "venv")
    assert found.distributions() == {"acmelib": "1.0"}


@pytest.mark.parametrize(
    "command", [["sleep", "1"], ["missing"], ["./missing"], ["sh", "run"], ["sh", "-c", "'"], ["sh", "-c", ""], []]
)
def test_a_command_whose_python_is_not_known(place, command):
    assert python_of(command, place, os.environ["PATH"]) is None


def test_the_systems_python_and_the_nodes_own_are_no_environments(place):
    with pytest.raises(NoVenv, match="the node's own"):
        venv_of([sys.executable], place, None)
    (place / "venv" / "pyvenv.cfg").unlink()
    with pytest.raises(NoVenv, match="no virtual environment"):
        venv_of(["venv/bin/python3"], place, None)


def test_an_environment_without_pip_is_installed_into_by_uv_if_there_is_one(place, monkeypatch):
    venv, found = Venv(Path("p"), place, [place / "site"]), []
    for uv in (None, "/bin/uv"):
        monkeypatch.setattr(shutil, "which", lambda _, uv=uv: uv)
        found.append(venv.installer)
    (place / "site" / "pip").mkdir(parents=True)
    assert [*found, venv.installer] == [None, ["/bin/uv", "pip"], ["p", "-m", "pip"]]
