"""Log lines: a constant event name and pairs; one line each, for people and for grep."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any


class Log:
    """Writes `event key=value ...` to a standard logger. bind() returns one that adds pairs to every line."""

    def __init__(self, name: str, **pairs: Any) -> None:
        self._logger = logging.getLogger(f"gyrostat.{name}")
        self._pairs = pairs

    def bind(self, **pairs: Any) -> Log:
        """The same log with more pairs on every line."""
        bound = Log.__new__(Log)
        bound._logger, bound._pairs = self._logger, {**self._pairs, **pairs}  # noqa: SLF001 - the same class
        return bound

    def debug(self, event: str, **pairs: Any) -> None:
        """Of use when looking for a fault in gyrostat itself."""
        self._write(logging.DEBUG, event, pairs)

    def info(self, event: str, **pairs: Any) -> None:
        """Something was done or changed."""
        self._write(logging.INFO, event, pairs)

    def warning(self, event: str, **pairs: Any) -> None:
        """Something is not as it should be, and is dealt with."""
        self._write(logging.WARNING, event, pairs)

    def error(self, event: str, **pairs: Any) -> None:
        """Something failed."""
        self._write(logging.ERROR, event, pairs)

    def _write(self, level: int, event: str, pairs: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            text = " ".join(f"{key}={render(value)}" for key, value in {**self._pairs, **pairs}.items())
            self._logger.log(level, "%s %s", event, text)


class _LogFile(RotatingFileHandler):
    """A log that a full disk takes nothing from but lines; they are missing, and stderr has one of it."""

    _said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - of the standard library
        """Say once that it cannot be written."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._said and sys.stderr is not None:
            self._said = True
            sys.stderr.write(f"gyrostat: {self.baseFilename} cannot be written: {error.strerror}\n")

    def close(self) -> None:
        """Close the file; what it did not take is lost."""
        with contextlib.suppress(OSError):
            super().close()


def log_to(path: Path) -> logging.Handler:
    """Write every line to a file, rotated at 10 MB, five kept. Take the handler away and close it at the end."""
    handler = _LogFile(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", "%F %T"))
    logger = logging.getLogger("gyrostat")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return handler


def render(value: Any) -> str:
    """A value as it stands in a line: bare when it has no blank, else quoted; floats to six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else str(value)
    return text if text and not any(mark in text for mark in ' "=\n\t\r') else json.dumps(text)
