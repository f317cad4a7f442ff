"""What is wrong with a configuration, one line each. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from actors.settings.node import Origin

ENVIRONMENT: Final = "environment"
FLAGS: Final = "flags"
_LAYERS: Final = {ENVIRONMENT: 1, FLAGS: 2}


class Fault(Struct, frozen=True):
    """One thing that is wrong, and where."""

    file: str
    """Name of the file as the operator gave it; `environment` or `flags` for the other two."""

    line: int
    """From 1; 0 when it has no line."""

    key: str
    """Dotted key, or the name of the environment variable; empty when it is the file as a whole."""

    problem: str
    """What is wrong."""

    allowed: str = ""
    """What would be right; begins with "did you mean" when it is a guess."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.key}: " if self.key else ""
        guess = self.allowed.startswith("did you mean")
        remedy = f"; {'' if guess else 'allowed: '}{self.allowed}" if self.allowed else ""
        return _one_line(f"{place}: {subject}{self.problem}{remedy}")


At = Callable[[str, str, str], Fault]
"""Makes a fault of a dotted key, what is wrong, and what is allowed."""


class ConfigError(Exception):
    """The configuration cannot be used. Asking again without a change gives the same (never, not again)."""

    retryable = False

    def __init__(self, faults: Iterable[Fault], partial: Struct | None = None) -> None:
        """faults: at least one; kept in the order of the file. partial: the Settings as far as they could be read."""
        self.faults = in_order(faults)
        self.partial = partial
        super().__init__("\n".join(str(fault) for fault in self.faults))


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Sort by layer (files, environment, flags), then by line; the same fault once."""
    once = dict.fromkeys(faults)
    return tuple(sorted(once, key=lambda fault: (_LAYERS.get(fault.file, 0), fault.line)))


def fault_at(origin: Origin, key: str, problem: str, allowed: str = "") -> Fault:
    """Make the fault of a key that was written at `origin`."""
    if not origin.variable:
        return Fault(origin.file, origin.line, key, problem, allowed)
    return Fault(origin.file, 0, origin.variable, problem, allowed)


def origin_of(origins: Mapping[str, Origin], key: str, otherwise: Origin) -> Origin:
    """Give where a dotted key was written, or the nearest key around it; `otherwise` when none of them was."""
    while key:
        found = origins.get(key)
        if found is not None:
            return found
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return otherwise


def split_allowed(message: str) -> tuple[str, str]:
    """Split "what is wrong; allowed: what is right" of an exception."""
    problem, _, allowed = message.partition("; allowed: ")
    return problem, allowed


def _one_line(text: str) -> str:
    """Write what would end the line, or speak to the terminal, as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def suggest(word: str, known: Sequence[str], likeness: float = 0.6) -> str:
    """Give `did you mean "..."?` for the nearest known word, else the known words themselves.

    likeness: from 0 to 1; words that are less alike are not near.
    """
    import difflib  # noqa: PLC0415 - seven milliseconds that only a fault has to pay

    nearest = difflib.get_close_matches(word, known, n=1, cutoff=likeness)
    return f'did you mean "{nearest[0]}"?' if nearest else ", ".join(known)
