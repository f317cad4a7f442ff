"""The environment a process starts with: the node's, env files, what its workload says, its secrets. I/O.

Read anew at each start, so that a new secret needs a restart of the workload and of nothing else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from actors.process_manager.life import Launch
from actors.settings.dotenv import expand, parse_dotenv
from actors.settings.textfile import read_text


class NoEnvironment(Exception):
    """It cannot be made; says why in one line. retryable: a file may come later."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


def environment_of(launch: Launch, account: Mapping[str, str]) -> dict[str, str]:
    """Give the variables, without those of one incarnation. account: the variables of the account it runs as.

    Raises: NoEnvironment.
    """
    if launch.plain:
        return {**account, **launch.env}
    env = {**account, **launch.inherited}
    for name in launch.workload.spec.env_files:
        _take_file(env, name, launch.files)
    for name, text in launch.workload.env.items():
        env[name] = _expanded(text, env, f"env.{name}")
    for name, path in launch.workload.spec.secrets.items():
        env[name] = secret(path)
    return {**env, **launch.own}


def argv_of(launch: Launch, env: Mapping[str, str]) -> list[str]:
    """Give program and arguments.

    Raises: NoEnvironment.
    """
    if not launch.workload.spec.expand_command:
        return launch.argv
    return [_expanded(word, env, "command") for word in launch.argv]


def _expanded(text: str, env: Mapping[str, str], where: str) -> str:
    try:
        return expand(text, env)
    except ValueError as error:
        raise NoEnvironment(f"{where}: {error}", retryable=False) from None


def _take_file(env: dict[str, str], name: str, kept: Mapping[str, str] | None) -> None:
    """kept: texts by path instead of the files."""
    optional, path = name.startswith("-"), name.removeprefix("-")
    if kept is not None and path not in kept:
        return
    if kept is None and optional and not os.path.exists(path):  # noqa: PTH110 - on the way of a start
        return
    text = _read(path, "env file") if kept is None else kept[path]
    try:
        for key, value, expands in parse_dotenv(text):
            env[key] = _expanded(value, env, f"{path}: {key}") if expands else value
    except ValueError as error:
        raise NoEnvironment(f"its env file {path}: {error}", retryable=False) from None


def secret(path: str) -> str:
    """Give the text of a secret's file without the line end; nobody but owner and group may read it.

    Raises: NoEnvironment, which never holds any of the text.
    """
    text = _read(path, "secret")
    mode = os.stat(path).st_mode  # noqa: PTH116
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        raise NoEnvironment(f"its secret {path} can be read by everybody: chmod o-r {path}", retryable=False)
    return text.removesuffix("\n").removesuffix("\r")


def _read(path: str, what: str) -> str:
    try:
        return read_text(path)
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise NoEnvironment(f"its {what} {path} {why}", retryable=True) from None
    except ValueError as error:
        raise NoEnvironment(f"its {what} {path} {error}", retryable=False) from None
