"""A configuration as it was written: a tree of texts that know their line. Pure.

Scalars keep their text; what it means is decided by the type that is asked for (see walk.py), and for plain scalars
by the core schema of YAML 1.2.
"""

import re
from typing import Final, Literal

from msgspec import Struct

from actors.settings.node import Origin

Kind = Literal["null", "bool", "int", "float", "str"]

_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE: Final = frozenset(("true", "True", "TRUE"))
_FALSE: Final = frozenset(("false", "False", "FALSE"))
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_DIGITS_MAX: Final = 40


class Scalar(Struct, frozen=True, gc=False):
    """One text."""

    text: str
    """As written, without quotes."""

    plain: bool
    """Written without quotes, and so perhaps a number, a boolean or null."""

    origin: Origin
    """Where its key was written; for an item of a list, where it stands itself."""

    loose: bool = False
    """From the environment or a flag, where everything is text: a number is as good as a text."""

    def kind(self) -> Kind:
        """Tell what the core schema of YAML 1.2 makes of it."""
        return core_kind(self.text) if self.plain else "str"

    def is_null(self) -> bool:
        """Tell whether nothing was written."""
        return self.plain and self.text in _NULLS


class Items(Struct, frozen=True, gc=False):
    """A list."""

    items: list["Tree"]
    origin: Origin


class Table(Struct, frozen=True, gc=False):
    """A mapping, in the order of the file."""

    entries: dict[str, "Tree"]
    origin: Origin


Tree = Scalar | Items | Table


def core_kind(text: str) -> Kind:
    """Give the kind of a plain scalar: `no`, `12:30` and `1_000` are texts, 0o17 and 0xff are whole numbers."""
    if text in _NULLS:
        return "null"
    if text in _TRUE or text in _FALSE:
        return "bool"
    if text[0] not in _NUMBER_STARTS:
        return "str"
    if _INT.fullmatch(text):
        return "int"
    return "float" if _FLOAT.fullmatch(text) else "str"


def truth(text: str) -> bool | None:
    """Give the boolean of a text; None when it is none."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def whole(text: str) -> int | None:
    """Give the whole number of a text of kind int; None when it is longer than any number that is meant."""
    if len(text) > _DIGITS_MAX:
        return None
    return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)


def decimal(text: str) -> float:
    """Give the number of a text of kind int or float; .inf and .nan are read as such."""
    if text[:2] in {"0o", "0x"}:
        return float(whole(text) or 0)
    if text.lstrip("+-").lower() in {".inf", ".nan"}:
        return float(text.replace(".", "", 1))
    return float(text)
