"""The environment and the flags, laid over the file. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from actors.settings.faults import ENVIRONMENT, FLAGS, Fault
from actors.settings.node import Origin
from actors.settings.tree import Items, Scalar, Table, Tree
from actors.settings.yaml12 import read_yaml

PREFIX: Final = "GYROSTAT_"
RESERVED: Final = frozenset(
    (
        "GYROSTAT_CI",
        "GYROSTAT_CONFIG",
        "GYROSTAT_GUARD",
        "GYROSTAT_INCARNATION",
        "GYROSTAT_INSTANCE",
        "GYROSTAT_PORT",
        "GYROSTAT_PUSH",
        "GYROSTAT_STATSD",
        "GYROSTAT_TOKEN",
        "GYROSTAT_WORKLOAD",
    )
)
"""Variables that are no settings: those of the door and the tests, and those a workload is given."""

GIVEN: Final = "GYROSTAT_WORKLOAD"
_TOLD: Final = frozenset(("GYROSTAT_MODE", "GYROSTAT_NODE"))
"""Inside a workload, which has GIVEN, they tell what it was started as and by whom."""


def with_environment(table: Table, environ: Mapping[str, str], faults: list[Fault]) -> Table:
    """Lay GYROSTAT_NODE__NAME and its kind over the table; `__` goes one level down, case and - do not matter.

    GYROSTAT_MODE is the mode, but not inside a workload, where it says what the workload was started as; the same
    goes for GYROSTAT_NODE.
    """
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in RESERVED:
            continue
        if variable in _TOLD and GIVEN in environ:
            continue
        parts = variable.removeprefix(PREFIX).split("__")
        origin = Origin(ENVIRONMENT, 0, variable)
        if not all(parts):
            faults.append(Fault(ENVIRONMENT, 0, variable, "names no key", f"{PREFIX}NODE__NAME and its kind"))
            continue
        keys = _spelled(table, parts)
        table = _placed(table, keys, _value(keys, environ[variable], origin, faults))
    return table


def with_overrides(table: Table, overrides: Mapping[str, str], faults: list[Fault]) -> Table:
    """Lay dotted keys over the table, spelled as in the file."""
    for key, text in overrides.items():
        parts = key.split(".")
        if not all(parts):
            faults.append(Fault(FLAGS, 0, key, "names no key", "node.name and its kind"))
            continue
        table = _placed(table, parts, _value(parts, text, Origin(FLAGS), faults))
    return table


def _placed(table: Table, parts: Sequence[str], value: Tree) -> Table:
    """Give the table with the value put at its place; what is shared through an anchor stays as it was."""
    name, rest = parts[0], parts[1:]
    if rest:
        inner = table.entries.get(name)
        inner = inner if isinstance(inner, Table) else Table({}, value.origin)
        value = _placed(inner, rest, value)
    return structs.replace(table, entries={**table.entries, name: value})


def _spelled(table: Table, parts: Sequence[str]) -> list[str]:
    """Give the parts of a variable's name as the keys they mean: those of the file first, else lower-case."""
    spelled: list[str] = []
    here: Tree | None = table
    for part in parts:
        entries = here.entries if isinstance(here, Table) else {}
        if _is_env(spelled):
            name = part
        else:
            name = next((each for each in entries if _folded(each) == _folded(part)), part.lower())
        spelled.append(name)
        here = entries.get(name)
    return spelled


def _folded(text: str) -> str:
    return text.upper().replace("-", "_")


def _is_env(keys: Sequence[str]) -> bool:
    """Tell whether the keys lead to the environment of a workload, where names and values are taken as they are."""
    return bool(keys[2:]) and keys[0] == "workloads" and keys[-1] == "env"


def _value(keys: Sequence[str], text: str, origin: Origin, faults: list[Fault]) -> Tree:
    """Give the value for a variable or flag: a list or mapping when it looks like one, else a text."""
    if text.lstrip()[:1] in {"[", "{"} and not _is_env(keys[:-1]):
        found: list[Fault] = []
        tree = read_yaml(text, origin.file, found)
        if tree is not None and not found:
            return _rehomed(tree, origin)
        faults.extend(structs.replace(fault, line=0, key=origin.variable or fault.key) for fault in found)
    return Scalar(text, plain=True, origin=origin, loose=True)


def _rehomed(tree: Tree, origin: Origin) -> Tree:
    if isinstance(tree, Table):
        return Table({name: _rehomed(each, origin) for name, each in tree.entries.items()}, origin)
    if isinstance(tree, Items):
        return Items([_rehomed(each, origin) for each in tree.items], origin)
    return structs.replace(tree, origin=origin, loose=True)
