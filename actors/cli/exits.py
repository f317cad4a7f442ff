"""How a command ends: its exit codes, and every error as one line."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Final

import click

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
INTERRUPTED: Final = 130

_OF_THE_PLACE: Final = frozenset((errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS))
"""Errors that say enough with the name of the file."""

REPORT_NAME: Final = "gyrostat-error-{uid}.txt"
"""File in the temporary directory with the traceback of the latest unexpected error of this user."""


class Failed(click.ClickException):
    """What was asked did not come about. lines: one or more, each complete in itself."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        """code: the exit code."""
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


class Interrupted(Exception):
    """Ctrl-C, where it is not the way to end a command."""


class NotRunning(Failed):
    """No node runs there."""

    def __init__(self, line: str) -> None:
        super().__init__(line, code=NOT_RUNNING)


def complain(*lines: str) -> None:
    """Write lines to stderr, the name of the program before each."""
    with contextlib.suppress(OSError):
        for line in lines:
            sys.stderr.write(f"gyrostat: {line}\n")
        sys.stderr.flush()


def code_of(error: BaseException) -> int:
    """Tell a person what went wrong, in one line each, and give the exit code."""
    if isinstance(error, BrokenPipeError):
        _mute_stdout()
        return OK
    if isinstance(error, Interrupted | KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if isinstance(error, Failed):
        complain(*error.lines)
        return error.code
    if isinstance(error, click.UsageError):
        complain(_usage(error))
        return USAGE
    if isinstance(error, click.ClickException):
        complain(error.format_message())
        return error.exit_code
    return _expected(error)


def _expected(error: BaseException) -> int:
    """Errors of the config and of the bus, known by their names so that nothing is imported for them."""
    name = type(error).__name__
    if name == "ConfigError":
        faults = faults_of(error)
        complain(*faults, count(len(faults), "fault"))
        return USAGE
    if name == "StartError":
        complain(str(error))
        return FAILED
    if name == "NotConnected":
        complain(str(error))
        return NOT_RUNNING
    if isinstance(error, OSError) and error.errno in _OF_THE_PLACE:
        complain(f"{error.filename or 'cannot write'}: {error.strerror}")
        return FAILED
    if any(kind.__name__ == "BusError" for kind in type(error).__mro__):
        complain(str(error))
        return FAILED
    complain(f"unexpected {name}: {_one_line(error)}; details in {write_report(error)}")
    return FAILED


def faults_of(error: BaseException) -> list[str]:
    """The faults of a ConfigError, one line each."""
    return [str(fault) for fault in getattr(error, "faults", ())]


def refusal(error: BaseException) -> Failed:
    """A ConfigError as the end of a command that was to start something."""
    faults = faults_of(error)
    return Failed(*faults, f"{count(len(faults), 'fault')}; nothing was started", code=USAGE)


def count(number: int, noun: str) -> str:
    """`1 fault`, `3 faults`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def write_report(error: BaseException) -> str:
    """Write the traceback to a file of ours; where it is, or why it could not be written."""
    import tempfile
    import traceback

    place = Path(tempfile.gettempdir()) / REPORT_NAME.format(uid=os.getuid())
    text = "".join(traceback.format_exception(error))
    try:
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{sys.argv!r}\n{text}")
    except OSError as trouble:
        return f"no file: {place}: {trouble.strerror}"
    return str(place)


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    path = error.ctx.command_path if error.ctx is not None else "gyrostat"
    return f"{_one_line_text(text)}; see {path} --help"


def _one_line(error: BaseException) -> str:
    return _one_line_text(str(error)) or "no message"


def _one_line_text(text: str) -> str:
    return " ".join(text.split())


def _mute_stdout() -> None:
    """The reader is gone: whatever is still in the buffer goes nowhere, so that the interpreter ends quietly."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
