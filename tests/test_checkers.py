"""The checkers are checked: plant a fault in a small tree, see it caught; and see the tree without it pass."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

HEALTHY = {
    "actors/__init__.py": '"""Actors."""\n',
    "actors/healer/__init__.py": '"""Healer."""\n',
    "actors/healer/actor.py": '"""Shell."""\n\nimport os\n\nimport pykka\n\nRESULT = (os.name, pykka)\n',
    "actors/healer/holders.py": '"""I/O."""\n\nimport subprocess\n\nRESULT = subprocess.PIPE\n',
    "actors/healer/changes.py": '"""I/O."""\n',
    "actors/healer/failing_over.py": '"""I/O."""\n',
    "actors/healer/grouped.py": '"""I/O."""\n',
    "actors/healer/last_good.py": '"""I/O."""\n',
    "actors/healer/learned.py": '"""I/O."""\n',
    "actors/healer/ledger.py": '"""I/O."""\n',
    "actors/healer/repairs/__init__.py": '"""I/O."""\n',
    "actors/healer/choose.py": '"""Pure: no os, no pickle."""\n\nfrom bus.messages import FIRST\n\nRESULT = FIRST\n',
    "actors/clock.py": '"""Clock."""\n\nimport time\n\nsleep = time.sleep\n',
    "bus/__init__.py": '"""Bus."""\n',
    "bus/messages.py": '"""Messages."""\n\nFIRST = 1\n',
    "tests/actors/test_clock.py": "",
    "tests/healer/test_choose.py": "",
    "tests/bus/test_messages.py": "",
    "tests/wire/test_golden.py": "",
}
PIECES = {
    "function of 49 lines": "def f():\n" + "    pass\n" * 48,
    "function of 50 lines": "def f():\n" + "    pass\n" * 49,
    "docstring of 60 lines": 'def f():\n    """' + "x\n" * 60 + '    """\n',
    "method of 6": "class C:\n    def f(self, a, b, c, d, *, e, f): ...\n",
    "method of 7": "class C:\n    def f(self, a, b, c, d, *, e, f, g): ...\n",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in HEALTHY.items():
        plant(tmp_path, name, text)
    return tmp_path


def plant(tree: Path, name: str, text: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_a_healthy_tree_has_no_findings(tree, check):
    assert check(tree) == []


@pytest.mark.parametrize(
    ("check", "name", "text", "finding"),
    [
        (house.long_files, "bus/a.py", "#\n" * 400, "bus/a.py: 400 lines"),
        (house.long_functions, "bus/a.py", PIECES["function of 50 lines"], "bus/a.py:1: f has 50 lines"),
        (house.wide_functions, "bus/a.py", PIECES["method of 7"], "bus/a.py:2: f takes 7 parameters"),
        (house.wide_functions, "bus/a.py", "def f(a, b, c, d, e, *f, **g): ...", "bus/a.py:1: f takes 7 parameters"),
        (
            house.impure_decisions,
            "actors/healer/a.py",
            "import os.path",
            "actors/healer/a.py:1: a pure file imports os",
        ),
        (
            house.impure_decisions,
            "actors/healer/a/b.py",
            "def f():\n    from time import time\n",
            "a/b.py:2: a pure file",
        ),
        (house.idle_io_names, "actors/monitor/actor.py", "", "IO_FILES names monitor/sampling"),
        (house.pickles, "actors/healer/actor.py", "import pickle", "actor.py:1: pickle"),
        (house.pickles, "bus/a.py", "def f(s):\n    s.recv_pyobj()\n", "bus/a.py:2: recv_pyobj"),
        (house.pickles, "tests/bus/test_a.py", "from pickle import loads", "test_a.py:1: pickle"),
        (house.sleeps, "actors/healer/actor.py", "import time\ntime.sleep(1)", "actor.py:2: time.sleep"),
        (house.sleeps, "bus/a.py", "from time import sleep", "bus/a.py:1: time.sleep"),
        (house.unmirrored_tests, "actors/monitor/__init__.py", "", None),
        (house.unmirrored_tests, "tests/nothing/test_a.py", "", "tests/nothing: mirrors no folder"),
        (house.registry_hosts, "docs/a.md", f"\nhttps://{house.REGISTRY_HOSTS[0]}/x", "docs/a.md:2: names a package"),
        (house.registry_hosts, ".ci/run", f"pip --{house.REGISTRY_HOSTS[2]} x", ".ci/run:1: names a package"),
    ],
)
def test_a_planted_fault_is_found_where_it_stands(tree, check, name, text, finding):
    plant(tree, name, text)
    found = check(tree)
    assert found == [] if finding is None else any(finding in each for each in found)


def test_code_without_tests_is_found(tree):
    shutil.rmtree(tree / "tests/healer")
    assert house.unmirrored_tests(tree) == ["tests/healer: is missing, and healer has code"]


@pytest.mark.parametrize(
    ("check", "piece"),
    [
        (house.long_functions, "function of 49 lines"),
        (house.long_functions, "docstring of 60 lines"),
        (house.wide_functions, "method of 6"),
    ],
)
def test_what_just_fits_passes(tree, check, piece):
    plant(tree, "bus/a.py", PIECES[piece])
    assert check(tree) == []


@pytest.mark.parametrize(
    ("name", "text", "contract"),
    [
        ("bus/a.py", "import actors.clock", "The bus knows nothing of the actors BROKEN"),
        ("actors/healer/a.py", "import actors.monitor", "Arrows point one way"),
        ("actors/healer/a.py", "import actors.node", "Arrows point one way"),
        ("bus/messages.py", "import bus.a", "Decisions reach no I/O"),
    ],
)
def test_import_linter_sees_an_arrow_that_points_back(tree, name, text, contract):
    shutil.copy(ROOT / "pyproject.toml", tree)
    for module in pure_modules():
        path = Path(*module.split("."))
        plant(tree, f"{path}.py", "")
        plant(tree, f"{path.parent}/__init__.py", "")
    plant(tree, "bus/messages.py", "FIRST = 1\n")
    plant(tree, "actors/monitor/__init__.py", "")
    plant(tree, "actors/node.py", "")
    plant(tree, "bus/a.py", "import time")
    assert lint_imports(tree).returncode == 0
    plant(tree, name, text)
    done = lint_imports(tree)
    assert done.returncode == 1
    assert contract in done.stdout
    assert "BROKEN" in done.stdout


def pure_modules() -> list[str]:
    """The modules whose whole chain of imports is held: the linter wants each of them to exist."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return next(list(one["source_modules"]) for one in contracts if one["name"].startswith("Decisions reach"))


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    # The tree's own modules must come before ours, which the environment holds under the same names.
    env = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"}
    argv = [f"{BIN}/lint-imports", "--no-cache"]
    return subprocess.run(argv, cwd=tree, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import time\n\nNOW = time.time()\n", "TID251"),
        ("import random\n\nCHANCE = random.random()\n", "TID251"),
        ("from pickle import loads\n", "TID251"),
    ],
)
def test_ruff_bans_the_clock_and_chance_outside_the_shells(tree, text, rule):
    shutil.copy(ROOT / "pyproject.toml", tree)
    plant(tree, "actors/healer/choose.py", text)
    argv = [f"{BIN}/ruff", "check", "--no-cache", "--output-format", "concise", "actors/healer/choose.py"]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert rule in done.stdout


@pytest.mark.parametrize(("in_ci", "code", "said"), [(False, 0, "1 skipped"), (True, 1, "1 error")])
def test_a_test_whose_program_is_missing_is_named_and_fails_in_ci(tmp_path, in_ci, code, said):
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    test = 'import pytest\n\n@pytest.mark.needs("sh", "no-such-program")\ndef test_a():\n    pass\n'
    plant(tmp_path, "tests/test_a.py", test)
    env = {name: value for name, value in os.environ.items() if name != "GYROSTAT_CI"}
    env |= {"GYROSTAT_CI": "1"} if in_ci else {}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout
    assert "NOT RUN (needs no-such-program)" in done.stdout
