"""Programs that are run to their end for a workload: its hooks, and the installation of a module that it lacks.

Each stands in the config; what is asked for is named, never given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from actors.process_manager.commands import Ran, run_command
from actors.process_manager.life import Launch, Life
from actors.process_manager.lookout import fail
from actors.process_manager.means import Means
from actors.venvs import NoVenv, venv_of
from bus.errors import Refused
from bus.hub import Request
from bus.messages import HookEnded, HookResult, InstallModule, RunHook

_INSTALLED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9][A-Za-z0-9.!+_-]*)?")


class Errands:
    """Runs them in threads, in the workload's directory and environment and as its user, and tells their end."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def run_hook(self, life: Life, command: RunHook, defer: Callable[[], Request]) -> None:
        """Run a hook, or what takes it back. Raises Refused."""
        hook = life.workload.spec.hooks.get(command.hook)
        if hook is None:
            known = ", ".join(life.workload.spec.hooks) or "none"
            raise Refused(f"{life.name} declares no hook {command.hook!r}; it has: {known}")
        argv = hook.undo if command.undo else hook.command
        if argv is None:
            raise Refused(f"hook {command.hook!r} of {life.name} declares no undo")
        name = f"{command.hook} (undo)" if command.undo else command.hook
        self._run(life, name, [argv], hook.timeout, defer())

    def install(self, life: Life, command: InstallModule, defer: Callable[[], Request]) -> None:
        """Install a module of the config, or take back what that changed. Raises Refused."""
        module = life.workload.spec.repair.modules.get(command.module)
        if module is None:
            known = ", ".join(life.workload.spec.repair.modules) or "none"
            raise Refused(f"{life.name} allows no module {command.module!r} to be installed; it allows: {known}")
        name = f"install {command.module}" + (" (undo)" if command.undo else "")
        if command.undo:
            argvs = _taking_back(life, command.undo)
        else:
            argvs = [module.install or [*_pip(life, "install"), module.package or ""]]
        self._run(life, name, argvs, module.timeout, defer())

    def _run(self, life: Life, name: str, argvs: list[list[str]], timeout_s: float, request: Request) -> None:
        self._means.run(
            partial(_run_all, argvs, life.launch, timeout_s), partial(self._ended, request, life.name, name)
        )

    def _ended(self, request: Request, workload: str, name: str, ran: Any) -> None:
        if not isinstance(ran, Ran):
            fail(request, ran)
        self._means.publish(
            HookEnded(subject=workload, hook=name, exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output)
        )
        request.answer(HookResult(exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output))


def _run_all(argvs: list[list[str]], launch: Launch, timeout_s: float) -> Ran:
    """One after the other, until one fails; the end of the last, with the time of all."""
    ran, took_s = Ran(0, 0.0, []), 0.0
    for argv in argvs:
        ran = run_command(argv, launch, timeout_s)
        took_s += ran.took_s
        if ran.exit_code != 0:
            break
    return Ran(ran.exit_code, took_s, ran.output)


def _taking_back(life: Life, undo: list[str]) -> list[list[str]]:
    """Uninstall what is named, put back what is named with a version. Raises Refused."""
    if wrong := [each for each in undo if not _INSTALLED.fullmatch(each)]:
        raise Refused(f"{wrong[0]!r} is no distribution; allowed: NAME, or NAME==VERSION")
    former, new = [each for each in undo if "==" in each], [each for each in undo if "==" not in each]
    argvs = [[*_pip(life, "uninstall"), *new]] if new else []
    return [*argvs, [*_pip(life, "install"), "--no-deps", *former]] if former else argvs


def _pip(life: Life, verb: str) -> list[str]:
    """Program and arguments that install into, or uninstall from, the environment of a workload. Raises Refused."""
    launch = life.launch
    try:
        venv = venv_of(launch.argv, Path(launch.cwd), launch.env.get("PATH"))
    except NoVenv as error:
        raise Refused(f"nothing is installed for {life.name}: {error}") from None
    installer = venv.installer
    if installer is None:
        raise Refused(f"nothing is installed for {life.name}: {venv.prefix} has no pip")
    if installer[0] == str(venv.python):
        quietly = ["--no-input", "--disable-pip-version-check"]
        return [*installer, verb, *quietly, *(["--yes"] if verb == "uninstall" else [])]
    return [*installer, verb, "--python", str(venv.python)]
