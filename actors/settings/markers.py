"""Marks on the types of settings: "people may write this field in a shorter way". Pure.

A mark sits in `Annotated[...]`; msgspec and mypy see the plain type, the loader sees the mark.
"""

from typing import Annotated

from msgspec import Struct


class CommandText(Struct, frozen=True):
    """A list of arguments that may also be one text, split as a shell would split it."""


class AsWritten(Struct, frozen=True):
    """Numbers and booleans of the file become the text they were written as."""


class LevelText(Struct, frozen=True):
    """A number that may carry a unit: 80%, 200MB, 1s."""


class NamesAs(Struct, frozen=True):
    """A mapping that may also be one name or a list of names, each with the same value."""

    value: str


class FromConfig(Struct, frozen=True):
    """A path that starts from the directory of the config file; absolute once it is read."""


ConfigPath = Annotated[str, FromConfig()]
"""A file named relative to the config file."""

Command = Annotated[list[str], CommandText()]
"""Program and arguments. No shell is run."""

Environment = Annotated[dict[str, str], AsWritten()]
"""Environment variables."""
