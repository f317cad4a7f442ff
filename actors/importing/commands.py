"""Command lines of other supervisors as ours: arguments where that says the same, else a shell. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Final

_SHELL_ONLY: Final = re.compile(r"[|&;<>()$`*?\[\]{}~#!\n]|(?<!\S)[A-Za-z_][A-Za-z0-9_]*=")
_BUILT_IN: Final = frozenset(
    (
        ".",
        ":",
        "cd",
        "source",
        "eval",
        "exec",
        "export",
        "set",
        "if",
        "for",
        "while",
        "until",
        "case",
        "ulimit",
        "umask",
    )
)
_HELD: Final = re.compile("\0([A-Za-z_][A-Za-z0-9_]*)\0")
"""A variable within a command line, between zero bytes while the line is split."""


def held(name: str) -> str:
    """A place in a command line that a variable's value takes; see split_held."""
    return f"\0{name}\0"


def for_shell(text: str, shell: str = "sh") -> list[str]:
    """A line that a shell would run. One that needs no shell is split as one would split it.

    Raises: ValueError when its quotes do not close.
    """
    if _SHELL_ONLY.search(text):
        return [shell, "-c", text]
    words = shlex.split(text)
    if not words or words[0] in _BUILT_IN:
        return [shell, "-c", text]
    return words


def without_shell(text: str) -> list[str]:
    """A line that no shell runs, with held variables in it: their values are split at blanks, as it was there.

    Raises: ValueError when its quotes do not close.
    """
    words = shlex.split(text)
    if not any("\0" in word for word in words):
        return words
    return ["sh", "-c", "exec " + " ".join(map(_quoted, words))]


def _quoted(word: str) -> str:
    alone = _HELD.fullmatch(word)
    if alone is not None:
        return f"${alone[1]}"
    parts = _HELD.split(word)
    return "".join(f'"${{{part}}}"' if number % 2 else part and shlex.quote(part) for number, part in enumerate(parts))


def in_env(text: str) -> str:
    """Held variables in a value of `env`, which expands ${NAME} itself; the rest is taken as it is."""
    parts = _HELD.split(text)
    return "".join(f"${{{part}:-}}" if number % 2 else part.replace("${", "$${") for number, part in enumerate(parts))


def pairs_of(text: str, expand: Callable[[str], str]) -> dict[str, str]:
    """Read `A="1",B='two, three'`, over lines too.

    Raises: ValueError when it is nothing of the kind.
    """
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():%@\0"
    tokens = list(lexer)
    found: dict[str, str] = {}
    for at in range(0, len(tokens), 4):
        name, equals, value, comma = [*tokens[at : at + 4], "", "", ""][:4]
        if equals != "=" or comma not in {",", ""}:
            raise ValueError(f'"{text}" is no list of NAME="value"')
        found[expand(name)] = in_env(expand(value.strip("'\"") if value[:1] == value[-1:] else value))
    return found
