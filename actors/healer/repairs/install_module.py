"""Installs a module that a workload cannot import, as the config says."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Scene
from actors.settings import Workload
from actors.venvs import NoVenv, Venv, venv_of
from bus.messages.mending import InstallModule

_MISSING: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"No module named ['\"]?(?P<module>[\w.]+)",
        r"Cannot find (?:module|package) ['\"](?P<module>[^'\"./][^'\"]*)",
        r"cannot load such file -- (?P<module>[\w./-]+)",
        r"Can't locate (?P<module>[\w/]+)\.pm",
        r"cannot import name ['\"]?\w+['\"]? from ['\"]?(?P<module>[\w.]+)",
    )
)
"""What is said of a module that is not there: Python, Node, Ruby, Perl; last, of one that is too old (Python)."""
_PARTS: Final = re.compile(r"\.|/|::")
_FOLDERS_MAX: Final = 20_000
_DEPTH_MAX: Final = 8


class InstallModuleRepair:
    """Applies when the failure names a module of `repair.modules`."""

    name = "install_module"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would install."""
        allowed, missing = scene.workload.spec.repair.modules, missing_in(scene.text)
        if not allowed:
            return Unfit("its config allows no modules to be installed")
        module = next((name for each in missing for name in names_of(each) if name in allowed), None)
        if module is None:
            return Unfit(f"repair.modules does not name {missing[0]}" if missing else "the failure names no module")
        venv: Venv | str = _venv(scene.workload)
        if isinstance(venv, str):
            if allowed[module].package is not None:
                return Unfit(venv)
        elif allowed[module].package is not None and venv.installer is None:
            return Unfit(f"{venv.prefix} has no pip")
        before = sorted(made_for(module, scene.directory))
        there = {} if isinstance(venv, str) else venv.distributions()
        undo = {
            "module": module,
            "before": msgspec.json.encode(before).decode(),
            "distributions": msgspec.json.encode(there).decode(),
        }
        by = allowed[module].package or " ".join(allowed[module].install or ())
        return Planned(says=f"install module {module}: {by}", undo=undo, detail={"module": module})

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """The ProcessManager runs it, as the workload's user."""
        module = planned.detail["module"]
        command = InstallModule(name=scene.workload.name, module=module, why=planned.says)
        return Acted(says=planned.says.replace("install", "installed", 1), command=command)

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Uninstall what is new in its environment, or delete what is new under the module's name."""
        venv, module = _venv(scene.workload), undo["module"]
        changed = [] if isinstance(venv, str) else _changed(msgspec.json.decode(undo["distributions"]), venv)
        if changed:
            says = f"taking back {', '.join(changed)}"
            return Acted(says=says, command=InstallModule(name=scene.workload.name, module=module, undo=changed))
        new = made_for(module, scene.directory) - set(msgspec.json.decode(undo["before"]))
        for name in sorted(new):
            path = scene.directory / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        return Acted(says=f"deleted {', '.join(sorted(new)) or 'nothing: nothing new is found'}", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Looking for files; the installation itself has the time of the config."""
        return 30.0


def missing_in(text: str) -> list[str]:
    """Modules that a failure says are missing, the last said first, each once."""
    found = [(match.start(), match["module"]) for pattern in _MISSING for match in pattern.finditer(text)]
    return list(dict.fromkeys(module.rstrip(".") for _, module in sorted(found, reverse=True)))


def names_of(module: str) -> list[str]:
    """Names under which a module may stand in the config: its own, then those it is a part of."""
    parts = [module[: match.start()] for match in _PARTS.finditer(module)]
    return [each for each in (module, *reversed(parts)) if each]


def made_for(module: str, directory: Path) -> set[str]:
    """What beneath a directory has the name of a module: packages, files and their metadata, relative to it."""
    top = names_of(module)[-1]
    plain = re.compile(rf"{re.escape(top)}(\.py|\.js|\.rb|\..*\.so|-[^-]+(-.*)?\.(dist|egg)-info)?", re.IGNORECASE)
    return set(_matching(directory, plain))


def _matching(directory: Path, plain: re.Pattern[str]) -> Iterator[str]:
    for folders, (place, inner, files) in enumerate(os.walk(directory)):
        relative = os.path.relpath(place, directory)
        hits = [each for each in (*inner, *files) if plain.fullmatch(each)]
        yield from (os.path.normpath(os.path.join(relative, each)) for each in hits)  # noqa: PTH118
        deep = relative != "." and relative.count(os.sep) >= _DEPTH_MAX
        inner[:] = [] if deep else [each for each in inner if each not in hits and each != "__pycache__"]
        if folders >= _FOLDERS_MAX:
            return


def _changed(before: Mapping[str, str], venv: Venv) -> list[str]:
    """What takes an environment back to these distributions, as InstallModule has it."""
    now = venv.distributions()
    former = [f"{name}=={version}" for name, version in before.items() if now.get(name) != version]
    return [*(name for name in now if name not in before), *former]


def _venv(workload: Workload) -> Venv | str:
    path = workload.env.get("PATH", os.environ.get("PATH"))
    try:
        return venv_of(workload.spec.command, workload.cwd, path)
    except NoVenv as error:
        return str(error)
