"""Which Python a command runs, and the environment that it installs into. Reads files only; runs nothing."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_FIRST_LINE_BYTES: Final = 256


class Venv(Struct, frozen=True):
    """A virtual environment. python: its interpreter. sites: directories of its packages."""

    python: Path
    prefix: Path
    sites: list[Path]

    @property
    def installer(self) -> list[str] | None:
        """Program and first arguments that install into it: its own pip, or uv; None when there is neither."""
        if any((site / "pip").is_dir() for site in self.sites):
            return [str(self.python), "-m", "pip"]
        uv = shutil.which("uv")
        return [uv, "pip"] if uv else None

    def distributions(self) -> dict[str, str]:
        """Name -> version of what is installed in it."""
        paths = [str(site) for site in self.sites]
        return {each.name: each.version for each in importlib.metadata.distributions(path=paths) if each.name}


class NoVenv(Exception):
    """A command runs no Python that may be installed into; says why."""


def venv_of(command: Sequence[str], cwd: Path, path: str | None) -> Venv:
    """The environment of the Python that a command runs. path: its PATH.

    Raises: NoVenv: it runs no Python that is known, the system's or the node's own.
    """
    python = python_of(command, cwd, path)
    if python is None:
        raise NoVenv(f"no Python is known that {command[0]} runs")
    prefix = python.parent.parent
    if not (prefix / "pyvenv.cfg").is_file():
        raise NoVenv(f"its Python {python} is of no virtual environment, and the system's is left alone")
    if prefix.resolve() == Path(sys.prefix).resolve():
        raise NoVenv(f"its Python {python} is the node's own, which is left alone")
    return Venv(python, prefix, sorted(prefix.glob("lib*/python3*/site-packages")))


def python_of(command: Sequence[str], cwd: Path, path: str | None) -> Path | None:
    """The interpreter that a command runs, by its name, its first line (#!), or behind a shell; None when unknown.

    Links are not followed: where it lies tells its environment.
    """
    words = list(command)
    for _ in range(4):
        if not words:
            return None
        if Path(words[0]).name == "env":
            words = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
            continue
        program = _found(words[0], cwd, path)
        if program is None:
            return None
        if program.name.startswith(("python", "pypy")):
            return program
        words = _behind(program, words)
    return None


def _behind(program: Path, words: list[str]) -> list[str]:
    """What a shell or a script runs in its turn."""
    if program.name in _SHELLS:
        return _in_shell(words)
    try:
        with program.open("rb") as file:
            first = file.read(_FIRST_LINE_BYTES).partition(b"\n")[0]
    except OSError:
        return []
    return first[2:].decode(errors="replace").split() if first.startswith(b"#!") else []


def _in_shell(words: list[str]) -> list[str]:
    """The last command of `sh -c TEXT`, when it is a plain one."""
    if "-c" not in words[:-1]:
        return []
    try:
        text = shlex.split(words[words.index("-c") + 1].replace(";", " ; "))
    except ValueError:
        return []
    for mark in ("&&", ";"):
        while mark in text[:-1]:
            text = text[text.index(mark) + 1 :]
    while text and (text[0] == "exec" or "=" in text[0].split("/", maxsplit=1)[0]):
        text = text[1:]
    return text


def _found(name: str, cwd: Path, path: str | None) -> Path | None:
    if "/" in name:
        place = Path(os.path.normpath(cwd / name))
        return place if place.exists() else None
    found = shutil.which(name, path=path)
    return Path(found) if found else None
