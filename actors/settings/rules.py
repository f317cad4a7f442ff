"""The rulebook as it is written: which remedies are tried when. Types, and their reader.

Rules of the operator stand in a file of their own, named by actors.healer.rules; one with the name of a shipped rule
takes its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from actors.settings.conditions import condition
from actors.settings.crosscheck import remedy_faults
from actors.settings.faults import ConfigError, Fault, fault_at, origin_of
from actors.settings.node import NAME_ALLOWED, Origin, is_name
from actors.settings.reading import Reading
from actors.settings.scalars import what
from actors.settings.source import read_text
from actors.settings.tree import Scalar, Table
from actors.settings.walk import reader
from actors.settings.yaml12 import read_yaml

REPAIRS: Final = "repairs"
"""In place of a remedy: every repair that the workload's config allows and that is made for the class of failure."""

OWN_PRIORITY: Final = 100
"""Of a rule of the operator that says nothing else; shipped rules are below it."""

SHIPPED: Final = "rules.yaml"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done when. Exactly one of do and escalate."""

    rule: str
    """Name: a token of a-z, 0-9, _ and -."""

    when: str | None = None
    """Condition. None: always."""

    do: list[str] = []
    """Remedies, in the order in which they are tried. `repairs`: all that are made for the failure and allowed. What a
    workload does not have is left out."""

    escalate: str | None = None
    """Why a person is wanted at once, in place of remedies."""

    tell_first: bool = False
    """true: a person is told first; something is done when it lasts."""

    priority: int = OWN_PRIORITY
    """Of the rules whose condition holds, the one with the greatest decides; of equal ones the first."""

    note: str = ""
    """Why, for people."""

    def __post_init__(self) -> None:
        """Refuse what is no name, a condition that cannot be read, and a rule that does nothing or two things.

        Raises: ValueError.
        """
        if not is_name(self.rule):
            raise ValueError(f'rule: "{self.rule}" is no name; allowed: {NAME_ALLOWED}')
        if bool(self.do) == (self.escalate is not None):
            raise ValueError("exactly one of do and escalate is needed")
        if self.escalate is not None and not self.escalate.strip():
            raise ValueError("escalate: is empty; allowed: why a person is wanted")
        if self.when is not None:
            try:
                condition(self.when)
            except ValueError as error:
                raise ValueError(f"when: {error}") from None


class RuleFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rules."""

    rules: list[Rule] = []
    """The rules; their order counts among equal priorities."""


class Placed(Struct, frozen=True):
    """A rule and where it stands. at: file and line."""

    rule: Rule
    at: str


def read_rules(path: Path, shown: str) -> list[Placed]:
    """Read a file of rules. shown: its name in faults.

    Raises: ConfigError with every fault.
    """
    reading = Reading()
    faults = reading.faults
    try:
        tree = read_yaml(read_text(path), shown, faults)
    except ConfigError as error:
        raise ConfigError(structs.replace(each, file=shown) for each in error.faults) from None
    if tree is None or (isinstance(tree, Scalar) and tree.is_null()):
        tree = Table({}, Origin(shown))
    if not isinstance(tree, Table):
        raise ConfigError([Fault(shown, tree.origin.line, "", what(tree), "a mapping: {rules: [...]}")])
    file = reader(RuleFile)(reading, tree, "")
    rules = file.rules if isinstance(file, RuleFile) else []
    lines = [_line(reading, number) for number in range(len(rules))]
    for number, rule in enumerate(rules):
        faults.extend(_faults(reading, number, rule, [each.rule for each in rules[:number]]))
    if faults:
        raise ConfigError(faults)
    return [Placed(rule, f"{shown}:{line}") for rule, line in zip(rules, lines, strict=True)]


def _faults(reading: Reading, number: int, rule: Rule, before: list[str]) -> list[Fault]:
    """Give what the rule itself could not see: a name twice, and what is no remedy."""
    key = f"rules[{number}]"

    def at(path: str, problem: str, allowed: str) -> Fault:
        return fault_at(origin_of(reading.origins, path, Origin("")), path, problem, allowed)

    found = [at(f"{key}.rule", f'"{rule.rule}" is the name of a rule above', "another name")] * (rule.rule in before)
    for remedy in rule.do:
        if remedy != REPAIRS:
            found.extend(remedy_faults(f"{key}.do", remedy, None, at))
    return found


def _line(reading: Reading, number: int) -> int:
    return reading.origins[f"rules[{number}].rule"].line


def shipped_rules() -> list[Placed]:
    """Read the rules that come with this program. Raises: ConfigError."""
    import actors  # noqa: PLC0415 - to know where it lies

    home = Path(actors.__file__).parent
    installed = home / "_config" / SHIPPED
    return read_rules(installed if installed.is_file() else home.parent / "config" / SHIPPED, SHIPPED)
