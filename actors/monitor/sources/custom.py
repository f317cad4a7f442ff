"""A class of the operator: it is made once, and read again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from actors.imports import load_class
from actors.monitor.sources.reader import NotRead


class CustomSource:
    """Makes `module:Class` with its options at the first reading, and again after a reading that failed to make it."""

    def __init__(self, name: str, use: str, options: Mapping[str, Any]) -> None:
        self._name = name
        self._use = use
        self._options = options
        self._made: Any = None

    def close(self) -> None:
        """Close what was made, when it can be closed."""
        made, self._made = self._made, None
        close = getattr(made, "close", None)
        if callable(close):
            with contextlib.suppress(Exception):  # nobody can do anything about it any more
                close()

    def read(self) -> Mapping[str, float]:
        """Read it: a number, or a mapping of parts to numbers. Raises: NotRead."""
        try:
            if self._made is None:
                self._made = load_class(self._use)(**self._options)
            found = self._made.read()
        except NotRead:
            raise
        except Exception as error:
            raise NotRead(f"{self._use}: {type(error).__name__}: {error}") from error
        if isinstance(found, Mapping):
            return {f"{self._name}.{part}": self._number(value, f" for {part!r}") for part, value in found.items()}
        return {self._name: self._number(found, "")}

    def _number(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotRead(f"{self._use}: read() gave {str(value)[:40]!r}{where}, which is no number")
        return float(value)
